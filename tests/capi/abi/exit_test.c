/* A program may give its last handle back and end at once: the library's threads, which end on their own a
 * moment later, do not lose the static objects that they use. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tau/tau.h"

#define PROGRAMS 40
#define RECORDS 2000

static tau_str str(const char* text) {
  tau_str s;
  s.data = text;
  s.len = strlen(text);
  return s;
}

/* A run on a home, whose audit log is read by a thread of its own; then nothing is held any more, and main
 * returns. */
static int play(const char* home) {
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  tau_run_options asked = TAU_RUN_OPTIONS_INIT;
  tau_runtime* runtime = NULL;
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_run* run = NULL;
  int good;
  options.home = str(home);
  options.config =
      str("{\"model\":\"scripted/exit\",\"tools\":[],\"script\":{\"turns\":[{\"text\":[\"Done.\"]}]}}");
  asked.prompt = str("Go.");
  good = tau_runtime_new(&options, &runtime, NULL) == TAU_OK &&
         tau_agent_new(runtime, str(""), &agent, NULL) == TAU_OK &&
         tau_session_open(agent, str(""), &session, NULL) == TAU_OK &&
         tau_run_start(session, &asked, &run, NULL) == TAU_OK;
  tau_run_unref(run);
  tau_session_unref(session);
  tau_agent_unref(agent);
  tau_runtime_unref(runtime);
  return good ? 0 : 3;
}

/* What that thread has to read. */
static int fill(const char* home) {
  tau_runtime_options options = TAU_RUNTIME_OPTIONS_INIT;
  tau_runtime* runtime = NULL;
  int i;
  options.home = str(home);
  if (tau_runtime_new(&options, &runtime, NULL) != TAU_OK) return 0;
  for (i = 0; i < RECORDS; ++i) {
    const tau_str record = str("{\"kind\":\"host.noted\",\"action\":\"counted\"}");
    if (tau_audit_append(runtime, record, NULL) != TAU_OK) return 0;
  }
  i = tau_runtime_stop(runtime, 20000, NULL) == TAU_OK;
  tau_runtime_unref(runtime);
  return i;
}

/* Whether one such program ends well, and says nothing: what goes wrong on a thread may come too late for the
 * status. */
static int ends_well(const char* home) {
  FILE* said = tmpfile();
  int status = 0;
  int good;
  pid_t child;
  if (said == NULL) return 0;
  child = fork();
  if (child == 0) {
    dup2(fileno(said), STDERR_FILENO);
    execl("/proc/self/exe", "exit_test", home, (char*)NULL);
    _exit(4);
  }
  good = child > 0 && waitpid(child, &status, 0) == child && status == 0 &&
         lseek(fileno(said), 0, SEEK_END) == 0;
  fclose(said);
  return good;
}

int main(int argc, char** argv) {
  char home[] = "/tmp/tau-exit-XXXXXX";
  char command[64];
  int bad = 0;
  int i;
  if (argc > 1) return play(argv[1]);
  if (mkdtemp(home) == NULL || !fill(home)) return 1;
  for (i = 0; i < PROGRAMS; ++i) bad += !ends_well(home);
  printf("%sok 1 - %d of %d programs end as they should\n1..1\n", bad == 0 ? "" : "not ", PROGRAMS - bad,
         PROGRAMS);
  snprintf(command, sizeof command, "rm -r %s", home);
  return system(command) != 0 || bad != 0;
}
