/* Decodes recorded streams in many splits and tells whether every split gives the events of the undivided
 * stream.
 *
 * Usage: split_exam SPLITS SEED
 * Standard input is a sequence of frames, "DIALECT QUIRKS LENGTH\n" and LENGTH bytes; QUIRKS is JSON without
 * spaces. Standard output has one line for each: "same", "differs SPLIT" (0 is byte by byte, then the random
 * ones from 1) or "fails STATUS REASON: MESSAGE" when the undivided stream does not decode. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tau/tau.h>

typedef struct Text {
  char* data;
  size_t len;
  size_t capacity;
} Text;

typedef struct Frame {
  char dialect[64];
  char quirks[256];
  char* body;
  size_t len;
} Frame;

static void append(Text* text, const char* data, size_t len) {
  if (text->len + len > text->capacity) {
    text->capacity = (text->len + len) * 2;
    text->data = realloc(text->data, text->capacity);
    if (text->data == NULL) abort();
  }
  if (len > 0) memcpy(text->data + text->len, data, len);
  text->len += len;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t* state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static tau_status take(tau_status status, tau_buf* out, Text* lines) {
  append(lines, out->data, out->len);
  tau_buf_free(out);
  return status;
}

/* Feeds pieces of 1 to `largest` bytes, at random; SIZE_MAX feeds the whole at once. */
static tau_status decode(const Frame* frame, size_t largest, uint64_t* random, Text* lines, tau_error** err) {
  tau_wire_stream* stream = NULL;
  const tau_str dialect = {frame->dialect, TAU_STRLEN};
  const tau_str quirks = {frame->quirks, TAU_STRLEN};
  tau_buf out = {NULL, 0, NULL};
  lines->len = 0;
  tau_status status = tau_wire_stream_new(dialect, quirks, &stream, err);
  for (size_t at = 0; status == TAU_OK && at < frame->len;) {
    size_t n = largest == SIZE_MAX ? frame->len : 1 + (size_t)(next_random(random) % largest);
    if (n > frame->len - at) n = frame->len - at;
    const tau_str piece = {frame->body + at, n};
    status = take(tau_wire_stream_feed(stream, piece, &out, err), &out, lines);
    at += n;
  }
  if (status == TAU_OK) status = take(tau_wire_stream_end(stream, &out, err), &out, lines);
  tau_wire_stream_free(stream);
  return status;
}

static void print_failure(tau_status status, tau_error* err) {
  const tau_str reason = tau_error_reason(err);
  const tau_str message = tau_error_message(err);
  printf("fails %s %.*s: ", tau_status_name(status), (int)reason.len, reason.len > 0 ? reason.data : "");
  for (size_t i = 0; i < message.len; ++i) putchar(message.data[i] == '\n' ? ' ' : message.data[i]);
  putchar('\n');
}

/* Largest pieces from 2 bytes to the whole body, evenly on a logarithmic scale. */
static size_t largest_of(size_t len, uint64_t* random) {
  unsigned bits = 1;
  while (bits < 31 && (len >> bits) > 0) ++bits;
  return (size_t)1 << (1 + next_random(random) % bits);
}

static void judge(const Frame* frame, long splits, uint64_t seed, Text* whole, Text* part) {
  uint64_t random = seed;
  tau_error* err = NULL;
  tau_status status = decode(frame, SIZE_MAX, &random, whole, &err);
  if (status != TAU_OK) {
    print_failure(status, err);
    tau_error_free(err);
    return;
  }
  for (long split = 0; split <= splits; ++split) {
    random = seed + (uint64_t)split;
    const size_t largest = split == 0 ? 1 : largest_of(frame->len, &random);
    status = decode(frame, largest, &random, part, NULL);
    if (status == TAU_OK && part->len == whole->len && memcmp(part->data, whole->data, whole->len) == 0)
      continue;
    printf("differs %ld\n", split);
    return;
  }
  puts("same");
}

static int read_frame(Frame* frame) {
  char line[512];
  if (fgets(line, sizeof line, stdin) == NULL) return 0;
  if (sscanf(line, "%63s %255s %zu", frame->dialect, frame->quirks, &frame->len) != 3) return -1;
  frame->body = malloc(frame->len + 1);
  return frame->body != NULL && fread(frame->body, 1, frame->len, stdin) == frame->len ? 1 : -1;
}

int main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: %s SPLITS SEED\n", argv[0]);
    return 2;
  }
  const long splits = strtol(argv[1], NULL, 10);
  const uint64_t seed = strtoull(argv[2], NULL, 10);
  Text whole = {NULL, 0, 0};
  Text part = {NULL, 0, 0};
  Frame frame;
  int more = 0;
  while ((more = read_frame(&frame)) == 1) {
    judge(&frame, splits, seed, &whole, &part);
    fflush(stdout);
    free(frame.body);
  }
  free(whole.data);
  free(part.data);
  if (more < 0) fprintf(stderr, "%s: a frame is malformed or cut off\n", argv[0]);
  return more < 0 ? 1 : 0;
}
