/* A C program translates a stream from one dialect into another, and reads an answer that is an error. Prints
 * TAP. */
#include <stdio.h>
#include <string.h>
#include <tau/tau.h>

#include "tap.h"

static int has(const tau_buf* text, const char* part) {
  const size_t size = strlen(part);
  size_t i;
  for (i = 0; i + size <= text->len; ++i)
    if (memcmp(text->data + i, part, size) == 0) return 1;
  return 0;
}

static int reason_is(tau_error* err, const char* reason) {
  const tau_str r = tau_error_reason(err);
  const int same = r.len == strlen(reason) && memcmp(r.data, reason, r.len) == 0;
  tau_error_free(err);
  return same;
}

static const char* kStream =
    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"hello\"}}]}\n\n"
    "data: "
    "{\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
    "data: [DONE]\n\n";

/* Chat completions in, events, messages out: byte by byte on both sides. */
static void translate(void) {
  tau_wire_stream* decoder = NULL;
  tau_wire_stream* encoder = NULL;
  tau_buf lines = {NULL, 0, NULL};
  tau_buf bytes = {NULL, 0, NULL};
  char all[4096];
  size_t size = 0;
  size_t i;
  const tau_str none = {NULL, 0};
  int good = tau_wire_stream_new(str("openai_chat"), none, &decoder, NULL) == TAU_OK &&
             tau_wire_stream_encoder_new(str("anthropic_messages"), &encoder, NULL) == TAU_OK;
  check(good, "a decoder and an encoder begin");
  for (i = 0; good && i < strlen(kStream); ++i) {
    const tau_str piece = {kStream + i, 1};
    tau_str events;
    good = tau_wire_stream_feed(decoder, piece, &lines, NULL) == TAU_OK;
    events.data = lines.data;
    events.len = lines.len;
    good = good && tau_wire_stream_feed(encoder, events, &bytes, NULL) == TAU_OK;
    good = good && size + bytes.len <= sizeof all;
    if (good && bytes.len > 0) memcpy(all + size, bytes.data, bytes.len);
    size += bytes.len;
    tau_buf_free(&lines);
    tau_buf_free(&bytes);
  }
  check(good && tau_wire_stream_end(decoder, &lines, NULL) == TAU_OK, "every event is decoded");
  check(tau_wire_stream_end(encoder, &bytes, NULL) == TAU_OK, "and encoded");
  tau_buf_free(&lines);
  tau_buf_free(&bytes);
  lines.data = all;
  lines.len = size;
  check(
      has(&lines, "event: message_start") && has(&lines, "\"text\":\"hello\"") && has(&lines, "message_stop"),
      "the stream says the same in the other dialect");
  tau_wire_stream_free(decoder);
  tau_wire_stream_free(encoder);
}

static void refuse(void) {
  tau_wire_stream* encoder = NULL;
  tau_buf out = {NULL, 0, NULL};
  tau_error* err = NULL;
  check(tau_wire_stream_encoder_new(str("morse"), &encoder, &err) == TAU_INVALID_ARGUMENT &&
            encoder == NULL && reason_is(err, "unknown_dialect"),
        "a dialect has to be known");
  check(tau_wire_stream_encoder_new(str("openai_chat"), NULL, NULL) == TAU_INVALID_ARGUMENT,
        "out must not be NULL");
  tau_wire_stream_encoder_new(str("openai_chat"), &encoder, NULL);
  check(tau_wire_stream_feed(encoder, str("{\"event\":\"text\",\"text\":\"a\"}\n"), &out, &err) ==
                TAU_INVALID_ARGUMENT &&
            reason_is(err, "invalid_event"),
        "events have an order");
  check(tau_wire_stream_end(encoder, &out, &err) == TAU_INVALID_ARGUMENT && reason_is(err, "invalid_event"),
        "a failure is final");
  tau_wire_stream_free(encoder);
  tau_wire_stream_encoder_new(str("openai_chat"), &encoder, NULL);
  check(tau_wire_stream_end(encoder, &out, &err) == TAU_UNAVAILABLE && reason_is(err, "stream_truncated"),
        "events have an end");
  tau_wire_stream_free(encoder);
}

static void decode_errors(void) {
  tau_buf out = {NULL, 0, NULL};
  tau_error* err = NULL;
  const tau_str none = {NULL, 0};
  check(tau_wire_decode_error(str("openai_chat"), 429, str("{\"Retry-After\":\"3\"}"),
                              str("{\"error\":{\"message\":\"slow\",\"type\":\"rate_limit_error\"}}"), &out,
                              NULL) == TAU_OK &&
            has(&out, "\"reason\":\"rate_limited\"") && has(&out, "\"retryable\":true") &&
            has(&out, "\"retry_after_ms\":3000"),
        "an error is typed, and tells when to try again");
  tau_buf_free(&out);
  check(
      tau_wire_decode_error(str("anthropic_messages"), 502, none, str("<html>\xff"), &out, NULL) == TAU_OK &&
          has(&out, "\"code\":\"unavailable\"") && !has(&out, "retry_after_ms"),
      "the body may be anything");
  tau_buf_free(&out);
  check(tau_wire_decode_error(str("openai_chat"), 200, none, none, &out, &err) == TAU_INVALID_ARGUMENT &&
            reason_is(err, "invalid_status"),
        "a good answer is no error");
  check(tau_wire_decode_error(str("openai_chat"), 500, str("[]"), none, &out, &err) == TAU_INVALID_ARGUMENT &&
            reason_is(err, "invalid_headers"),
        "headers are an object of strings");
}

int main(void) {
  translate();
  refuse();
  decode_errors();
  printf("1..%d\n", count);
  return failures == 0 ? 0 : 1;
}
