/* A program with an open runtime, for measuring its memory. Usage: footprint_probe [BASE_URL]
 * Prints its resident set in KiB before the first HTTP request, and after one to BASE_URL when that is given;
 * beside each the anonymous part of it, which does not depend on what the page cache holds of the libraries.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tau/tau.h>

static long status_kib(const char* form) {
  char line[256];
  long kib = -1;
  FILE* file = fopen("/proc/self/status", "r");
  if (file == NULL) return -1;
  while (fgets(line, sizeof line, file) != NULL && sscanf(line, form, &kib) != 1) continue;
  fclose(file);
  return kib;
}

static void print_resident(const char* when) {
  printf("%s %ld\n%s_anonymous %ld\n", when, status_kib("VmRSS: %ld"), when, status_kib("RssAnon: %ld"));
}

static void check(const char* what, tau_status status, tau_error* err) {
  if (status >= 0) return;
  const tau_str message = tau_error_message(err);
  fprintf(stderr, "%s: %.*s\n", what, (int)message.len, message.len > 0 ? message.data : "");
  exit(1);
}

static void ask(tau_session* session) {
  tau_run_options options = TAU_RUN_OPTIONS_INIT;
  tau_run* run = NULL;
  tau_buf outcome = {NULL, 0, NULL};
  tau_error* err = NULL;
  options.flags = TAU_RUN_QUIET;
  options.prompt = (tau_str){"Hello.", TAU_STRLEN};
  check("tau_run_start", tau_run_start(session, &options, &run, &err), err);
  check("tau_run_wait", tau_run_wait(run, 30000, &outcome, &err), err);
  tau_buf_free(&outcome);
  tau_run_unref(run);
}

int main(int argc, char** argv) {
  char config[512] = "{\"model\":\"offline/search\"}";
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* runtime = NULL;
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_error* err = NULL;
  if (argc == 2)
    snprintf(config, sizeof config,
             "{\"model\":\"probe/m\",\"tools\":[],\"providers\":{\"probe\":{\"base_url\":\"%s\"}}}", argv[1]);
  options.flags = TAU_RUNTIME_NO_STORE;
  options.config = (tau_str){config, TAU_STRLEN};
  check("tau_runtime_new", tau_runtime_new(&options, &runtime, &err), err);
  check("tau_agent_new", tau_agent_new(runtime, (tau_str){NULL, 0}, &agent, &err), err);
  check("tau_session_open", tau_session_open(agent, (tau_str){NULL, 0}, &session, &err), err);
  print_resident("before_http");
  if (argc == 2) {
    ask(session);
    print_resident("after_http");
  }
  tau_session_unref(session);
  tau_agent_unref(agent);
  tau_runtime_unref(runtime);
  return 0;
}
