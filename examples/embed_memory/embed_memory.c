/* Memories in a C program, with no agent and no provider: opens a home, remembers three things, finds one by
 * a question, follows what changed, forgets. Run it twice: what it remembered the first time is still there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <tau/tau.h>

static tau_str str(const char* text) {
  tau_str s;
  s.data = text;
  s.len = TAU_STRLEN;
  return s;
}

/* The address, since C may look at `err` itself before the call that sets it. */
static void check(tau_status status, tau_error** err) {
  if (status == TAU_OK) return;
  fprintf(stderr, "embed_memory: %s\n", tau_error_message(*err).data);
  tau_error_free(*err);
  exit(1);
}

static void perform(tau_memory* memory, const char* request) {
  tau_buf out = {NULL, 0, NULL};
  tau_error* err = NULL;
  check(tau_memory_perform(memory, str(request), NULL, 0, &out, &err), &err);
  tau_buf_free(&out);
}

/* The answer is one JSON object: "hits" has the memories, the best first, each with its score. */
static void search(tau_memory* memory, const char* request) {
  tau_buf out = {NULL, 0, NULL};
  tau_error* err = NULL;
  check(tau_memory_search(memory, str(request), NULL, 0, &out, &err), &err);
  printf("%s\n", out.data);
  tau_buf_free(&out);
}

int main(int argc, char** argv) {
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* runtime = NULL;
  tau_memory* memory = NULL;
  tau_error* err = NULL;
  if (argc < 2) {
    fprintf(stderr, "usage: embed_memory HOME\n");
    return 2;
  }
  options.home = str(argv[1]);
  options.workers = TAU_NO_WORKERS; /* no agent, no tools */
  check(tau_runtime_new(&options, &runtime, &err), &err);
  check(tau_memory_open(runtime, str("{\"workspace\":\"example\"}"), &memory, &err), &err);

  /* With ids of our own, so that a second run writes the same three anew. */
  perform(memory,
          "{\"op\":\"add\",\"memories\":["
          "{\"id\":\"tea\",\"text\":\"Ada drinks green tea in the morning\",\"type\":\"preference\"},"
          "{\"id\":\"boat\",\"text\":\"The boat to the island leaves at noon\",\"tags\":[\"trip\"]},"
          "{\"id\":\"home-1\",\"text\":\"Ada lives in "
          "Paris\",\"fact\":{\"subject\":\"Ada\",\"predicate\":\"lives "
          "in\",\"object\":\"Paris\"}}]}");
  search(memory, "{\"query\":\"What does Ada like to drink?\",\"k\":1}");

  /* A fact closes the one that it contradicts: that one stays, for questions about the past. */
  perform(memory,
          "{\"op\":\"add\",\"id\":\"home-2\",\"text\":\"Ada lives in Rome\",\"fact\":{\"subject\":\"Ada\","
          "\"predicate\":\"lives in\",\"object\":\"Rome\"}}");
  search(memory, "{\"query\":\"Where does Ada live?\",\"k\":1}");

  perform(memory, "{\"op\":\"forget\",\"id\":\"boat\"}");
  search(memory, "{\"query\":\"boat to the island\",\"tags\":[\"trip\"]}");

  /* After a stop the last handle closes the home: it may be copied, moved or deleted from here on. */
  tau_memory_unref(memory);
  check(tau_runtime_stop(runtime, -1, &err), &err);
  tau_runtime_unref(runtime);
  return 0;
}
