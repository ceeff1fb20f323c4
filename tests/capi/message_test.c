/* What a user says: text or a message, and the blobs that go with it. Prints TAP. */
#include <stdio.h>
#include <string.h>
#include <tau/tau.h>

#include "tap.h"

static tau_runtime* rt;
static tau_agent* agent;

static tau_blob blob(const char* mime, const char* name, const char* bytes) {
  tau_blob b;
  b.mime = str(mime);
  b.name = str(name);
  b.data = bytes;
  b.len = strlen(bytes);
  return b;
}

/* What a run was told, as its session keeps it, or why it was not begun. */
static const char* told(const char* prompt, const char* options, const tau_blob* blobs, size_t count) {
  static char text[2048];
  tau_session* session = NULL;
  tau_run* run = NULL;
  tau_error* err = NULL;
  tau_buf out = {NULL, 0, NULL};
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  o.prompt = str(prompt);
  o.options = str(options);
  o.blobs = blobs;
  o.blob_count = count;
  text[0] = 0;
  tau_session_open(agent, str(""), &session, NULL);
  if (tau_run_start(session, &o, &run, &err) != TAU_OK) {
    tau_str reason = tau_error_reason(err), message = tau_error_message(err);
    snprintf(text, sizeof text, "%.*s: %.*s", (int)reason.len, reason.data, (int)message.len, message.data);
  } else if (tau_run_wait(run, 5000, &out, &err) == TAU_OK) {
    tau_buf_free(&out);
    if (tau_session_export(session, &out, &err) == TAU_OK) snprintf(text, sizeof text, "%s", out.data);
  }
  tau_buf_free(&out);
  tau_error_free(err);
  tau_run_unref(run);
  tau_session_unref(session);
  return text;
}

static void says(const char* got, const char* wanted, const char* what) {
  if (strstr(got, wanted) == NULL) printf("# %s\n# lacks %s\n", got, wanted);
  check(strstr(got, wanted) != NULL, what);
}

#define USER(parts) "{\"message\":{\"role\":\"user\",\"parts\":[" parts "]}}"
#define IMAGE(data) "{\"type\":\"image\",\"data\":\"" data "\"}"
#define TEXT(text) "{\"type\":\"text\",\"text\":\"" text "\"}"

static void test_blobs(void) {
  tau_blob two[2];
  two[0] = blob("image/png", "a.png", "one");
  two[1] = blob("audio/wav", "", "two");
  says(told("", USER(TEXT("see") "," IMAGE("blob:1") "," IMAGE("blob:0")), two, 2),
       "[{\"type\":\"text\",\"text\":\"see\"},{\"type\":\"image\",\"mime\":\"audio/wav\",\"data\":\"dHdv\"},"
       "{\"type\":\"image\",\"mime\":\"image/png\",\"data\":\"b25l\",\"name\":\"a.png\"}]",
       "parts take the blobs that they name");
  says(
      told(
          "",
          USER("{\"type\":\"file\",\"data\":\"blob:0\",\"mime\":\"text/x\",\"name\":\"b\"}," IMAGE("blob:0")),
          two, 1),
      "[{\"type\":\"file\",\"mime\":\"text/"
      "x\",\"data\":\"b25l\",\"name\":\"b\"},{\"type\":\"image\",\"mime\":\"image/png\"",
      "a part has its own type and name, and a blob may be named twice");
  says(told("", USER(IMAGE("b25l")), NULL, 0), "\"data\":\"b25l\"", "bytes may also stand in the message");
  says(told("", USER(IMAGE("blob:2") "," IMAGE("blob:0")), two, 2), "no_such_blob: message.parts[0]",
       "a blob that is not there is an error");
  says(told("", USER(IMAGE("blob:")), two, 2), "no_such_blob", "a reference has a number");
  says(told("", USER(IMAGE("blob:0x")), two, 1), "no_such_blob", "and nothing else");
  says(told("", USER(IMAGE("blob:0")), two, 2), "unused_blob: no part of the message names \"blob:1\"",
       "a blob that no part names is an error");
  says(told("look", "", two, 2),
       "[{\"type\":\"text\",\"text\":\"look\"},{\"type\":\"image\",\"mime\":\"image/"
       "png\",\"data\":\"b25l\",\"name\":\"a.png\"},"
       "{\"type\":\"audio\",\"mime\":\"audio/wav\",\"data\":\"dHdv\"}]",
       "blobs follow a prompt in their order");
  says(told("", "", two, 1), "\"parts\":[{\"type\":\"image\",", "blobs alone say something");
}

static void test_refused(void) {
  static const struct {
    const char *options, *wanted, *what;
  } cases[] = {
      {"{\"message\":{\"role\":\"user\",\"content\":\"hi\"}}",
       "unknown_key: message has an unknown key \"content\"", "an unknown key of a message is named"},
      {USER("{\"type\":\"text\",\"txt\":\"hi\"}"), "unknown_key: message.parts[0] has an unknown key \"txt\"",
       "one of a part, too"},
      {USER(TEXT("a") ",{\"type\":\"text\",\"text\":1}"), "wrong_type: message.parts[1]: \"text\"",
       "types of members are checked"},
      {USER("\"hi\""), "wrong_type: message.parts[0]", "a part is an object"},
      {"{\"message\":{\"role\":\"user\",\"parts\":{}}}", "wrong_type: message: \"parts\"",
       "parts are an array"},
      {"{\"message\":\"hi\"}", "wrong_type: message should be a JSON object", "a message is an object"},
      {"{\"message\":{\"parts\":[" TEXT("a") "]}}", "invalid_message: message: \"role\"",
       "a message has a role"},
      {"{\"message\":{\"role\":\"assistant\",\"parts\":[" TEXT("a") "]}}",
       "invalid_message: message: \"role\"", "a user speaks, nobody else"},
      {USER("{\"type\":\"tool_call\",\"id\":\"c\",\"name\":\"n\",\"arguments\":\"{}\"}"),
       "invalid_message: message.parts[0]: type \"tool_call\"", "users make no tool calls"},
      {USER("{\"type\":\"image\"}"), "invalid_message: message.parts[0]", "an image has bytes"},
      {USER("{\"type\":\"image\",\"url\":\"http://a\",\"id\":\"f\"}"), "invalid_message: message.parts[0]",
       "from one place"},
      {USER(""), "empty_message", "no parts say nothing"},
      {USER(TEXT("")), "empty_message", "nor does empty text"},
      {"{}", "no_prompt", "something must be said"}};
  size_t i;
  for (i = 0; i < sizeof cases / sizeof *cases; ++i)
    says(told("", cases[i].options, NULL, 0), cases[i].wanted, cases[i].what);
  says(told("a", USER(TEXT("b")), NULL, 0), "two_messages", "a prompt and a message exclude each other");
}

/* In manual mode nothing happens to it before somebody waits. */
static tau_run* new_run(tau_session** session) {
  tau_run* run = NULL;
  tau_run_options o = TAU_RUN_OPTIONS_INIT;
  o.prompt = str("go");
  tau_session_open(agent, str("ops"), session, NULL);
  tau_run_start(*session, &o, &run, NULL);
  return run;
}

static void refused(tau_run* run, const char* op, const tau_blob* blobs, size_t count, const char* wanted,
                    const char* what) {
  tau_error* err = NULL;
  char got[256] = "accepted";
  if (tau_run_submit(run, str(op), blobs, count, &err) != TAU_OK)
    snprintf(got, sizeof got, "%.*s: %.*s", (int)tau_error_reason(err).len, tau_error_reason(err).data,
             (int)tau_error_message(err).len, tau_error_message(err).data);
  says(got, wanted, what);
  tau_error_free(err);
}

static void test_ops(void) {
  tau_session* session = NULL;
  tau_run* run = new_run(&session);
  tau_blob one = blob("image/png", "", "one");
  tau_buf out;
  refused(run, "{\"op\":\"steer\",\"text\":\"\"}", NULL, 0, "empty_message",
          "an op that says nothing is refused");
  refused(run, "{\"op\":\"message\",\"message\":{\"role\":\"user\",\"prats\":[]}}", NULL, 0,
          "unknown_key: message has an unknown key \"prats\"", "the message of an op is checked");
  refused(run, "{\"op\":\"message\",\"message\":{\"role\":\"user\",\"parts\":[]}}", NULL, 0, "empty_message",
          "it must say something");
  refused(run, "{\"op\":\"steer\",\"text\":\"a\",\"message\":{}}", NULL, 0, "two_messages",
          "and stands alone");
  refused(run, "{\"op\":\"steer\",\"message\":{\"role\":\"user\",\"parts\":[" IMAGE("blob:3") "]}}", &one, 1,
          "no_such_blob", "its blobs must be there");
  refused(run, "{\"op\":\"cancel\"}", &one, 1, "unused_blob", "an op without a message takes no blobs");
  check(tau_run_submit(run,
                       str("{\"op\":\"steer\",\"message\":{\"role\":\"user\",\"parts\":[" TEXT(
                           "this:") "," IMAGE("blob:0") "]}}"),
                       &one, 1, NULL) == TAU_OK,
        "a run is steered with a message");
  check(tau_run_wait(run, 5000, &out, NULL) == TAU_OK, "and goes on");
  tau_buf_free(&out);
  tau_session_export(session, &out, NULL);
  says(out.data,
       "[{\"type\":\"text\",\"text\":\"this:\"},{\"type\":\"image\",\"mime\":\"image/"
       "png\",\"data\":\"b25l\"}]",
       "the blob is in its place");
  tau_buf_free(&out);
  tau_run_unref(run);
  tau_session_unref(session);
}

static void open_runtime(const char* script) {
  tau_runtime_options o = TAU_RUNTIME_OPTIONS_INIT;
  char config[512];
  o.flags = TAU_RUNTIME_NO_STORE | TAU_RUNTIME_MANUAL;
  snprintf(config, sizeof config, "{\"model\":\"scripted/x\",\"script\":%s}", script);
  o.config = str(config);
  if (tau_runtime_new(&o, &rt, NULL) != TAU_OK || tau_agent_new(rt, str("{}"), &agent, NULL) != TAU_OK)
    check(0, "a runtime opens");
}

static void close_runtime(void) {
  tau_agent_unref(agent);
  tau_runtime_unref(rt);
}

int main(void) {
  open_runtime("{\"turns\":[{\"text\":\"yes\"}],\"loop\":true}");
  test_blobs();
  test_refused();
  test_ops();
  close_runtime();
  printf("1..%d\n", count);
  return failures == 0 ? 0 : 1;
}
