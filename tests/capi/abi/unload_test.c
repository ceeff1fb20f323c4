/* A plugin's view: the library is loaded, used by two runtimes at once, let go in the middle of their work,
 * and loaded again, many times. Threads of the library may still be ending when it is closed: it must not
 * vanish under them, and nothing may pile up. Not linked to the library. */
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tau/tau.h>
#include <unistd.h>

enum { kRounds = 30, kSettleMs = 20000 };

static int entries(const char* path) {
  DIR* dir = opendir(path);
  int n = 0;
  if (dir == NULL) return -1;
  while (readdir(dir) != NULL) ++n;
  closedir(dir);
  return n;
}

/* Threads end on their own: they get some time for it. */
static int settled(const char* path, int wanted) {
  int ms;
  for (ms = 0; ms < kSettleMs; ms += 10) {
    if (entries(path) <= wanted) return 1;
    usleep(10000);
  }
  printf("# %s has %d entries, not %d\n", path, entries(path), wanted);
  return 0;
}

static tau_str str(const char* text) {
  tau_str view = {text, TAU_STRLEN};
  return view;
}

/* As POSIX wants dlsym to be read. */
#define LOAD(name)           \
  __typeof__(&name) name##_; \
  *(void**)&name##_ = dlsym(library, #name)

static int use(const char* path) {
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  tau_runtime* runtimes[2] = {NULL, NULL};
  int good = 1;
  int i;
  if (library == NULL) {
    printf("# %s\n", dlerror());
    return 0;
  }
  LOAD(tau_runtime_options_init);
  LOAD(tau_runtime_new);
  LOAD(tau_runtime_unref);
  LOAD(tau_agent_new);
  LOAD(tau_agent_unref);
  LOAD(tau_session_open);
  LOAD(tau_session_unref);
  LOAD(tau_run_options_init);
  LOAD(tau_run_start);
  LOAD(tau_run_wait);
  LOAD(tau_run_unref);
  LOAD(tau_buf_free);
  for (i = 0; i < 2; ++i) {
    tau_runtime_options o;
    tau_run_options r;
    tau_agent* agent = NULL;
    tau_session* session = NULL;
    tau_run* run = NULL;
    tau_buf outcome = {NULL, 0, NULL};
    tau_runtime_options_init_(&o, sizeof o);
    tau_run_options_init_(&r, sizeof r);
    o.flags = TAU_RUNTIME_NO_STORE;
    o.config =
        str(i == 0 ? "{\"model\":\"scripted/a\",\"script\":{\"turns\":[{\"text\":\"Hi\"}]}}"
                   : "{\"model\":\"scripted/b\",\"script\":{\"turns\":[{\"text\":\"x\",\"hang\":true}]}}");
    r.prompt = str("go");
    if (tau_runtime_new_(&o, &runtimes[i], NULL) != TAU_OK) good = 0;
    if (tau_agent_new_(runtimes[i], str(NULL), &agent, NULL) != TAU_OK) good = 0;
    if (tau_session_open_(agent, str(NULL), &session, NULL) != TAU_OK) good = 0;
    if (tau_run_start_(session, &r, &run, NULL) != TAU_OK) good = 0;
    if (tau_run_wait_(run, i == 0 ? 20000 : 1, &outcome, NULL) != (i == 0 ? TAU_OK : TAU_DEADLINE_EXCEEDED))
      good = 0;
    tau_buf_free_(&outcome);
    tau_run_unref_(run);
    tau_session_unref_(session);
    tau_agent_unref_(agent);
  }
  for (i = 0; i < 2; ++i) tau_runtime_unref_(runtimes[i]);
  dlclose(library);
  return good;
}

int main(int argc, char** argv) {
  int failures = 0;
  int threads;
  int descriptors;
  int i;
  if (argc != 2) return 2;
  if (!use(argv[1])) ++failures; /* what stays for good is there from now on */
  settled("/proc/self/task", 3);
  threads = entries("/proc/self/task");
  descriptors = entries("/proc/self/fd");
  for (i = 0; i < kRounds; ++i)
    if (!use(argv[1])) ++failures;
  if (!settled("/proc/self/task", threads)) ++failures;
  if (!settled("/proc/self/fd", descriptors)) ++failures;
  printf("%s 1 - %d times loaded, used and closed\n1..1\n", failures == 0 ? "ok" : "not ok", kRounds);
  return failures == 0 ? 0 : 1;
}
