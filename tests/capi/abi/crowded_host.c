/* A program that has its own functions under names that are inside of libtau or of the libcurl that it loads:
 * they are in names.s, and each of them ends the program. Asks the model at argv[1] over HTTP, through
 * libcurl, and says its answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tau/tau.h"

static tau_str str(const char* text) {
  tau_str view = {text, TAU_STRLEN};
  return view;
}

static int failed(tau_error* error) {
  fprintf(stderr, "%s\n", tau_error_message(error).data);
  return 1;
}

int main(int argc, char** argv) {
  char config[512];
  tau_buf outcome;
  tau_error* error = NULL;
  tau_runtime* runtime = NULL;
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_run* run = NULL;
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  tau_run_options run_options = TAU_RUN_OPTIONS_INIT;
  if (argc != 3) return 2;
  options.home = str(argv[2]);
  run_options.prompt = str("hello");
  snprintf(config, sizeof config,
           "{\"model\":\"local/m\",\"network\":{\"native_http\":false},"
           "\"providers\":{\"local\":{\"base_url\":\"%s\"}}}",
           argv[1]);
  options.config = str(config);
  if (tau_runtime_new(&options, &runtime, &error) != TAU_OK) return failed(error);
  if (tau_agent_new(runtime, str(NULL), &agent, &error) != TAU_OK) return failed(error);
  if (tau_session_open(agent, str(NULL), &session, &error) != TAU_OK) return failed(error);
  if (tau_run_start(session, &run_options, &run, &error) != TAU_OK) return failed(error);
  if (tau_run_wait(run, 60000, &outcome, &error) != TAU_OK) return failed(error);
  printf("%s\n", outcome.data);
  tau_buf_free(&outcome);
  tau_run_unref(run);
  tau_session_unref(session);
  tau_agent_unref(agent);
  tau_runtime_unref(runtime);
  return 0;
}
