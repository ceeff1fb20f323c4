/* The whole of an agent in C: a runtime in memory, a tool of our own, a run whose answer streams.
 *   hello_c                     a model that plays a script: no key, no network
 *   hello_c openai/gpt-5-mini   any provider whose key is in the environment */
#include <stdio.h>
#include <tau/tau.h>

static const char kScripted[] =
    "{\"model\":\"scripted/demo\",\"script\":{\"turns\":["
    "{\"text\":[\"Let me \",\"look. \"],\"tool_calls\":[{\"name\":\"room_temperature\"}]},"
    "{\"text\":[\"It is \",\"21 degrees.\"]}]}}";

static tau_str str(const char* text) { return (tau_str){text, TAU_STRLEN}; }
static int failed(tau_error* error) {
  fprintf(stderr, "%s\n", tau_error_message(error).data);
  return 1;
}

int main(int argc, char** argv) {
  char text[512];
  tau_buf outcome;
  tau_error* error = NULL;
  tau_runtime* runtime = NULL;
  tau_agent* agent = NULL;
  tau_session* session = NULL;
  tau_run* run = NULL;
  tau_runtime_options runtime_options = TAU_RUNTIME_OPTIONS_INIT;
  runtime_options.flags = TAU_RUNTIME_NO_STORE | TAU_RUNTIME_USE_ENVIRONMENT;
  if (tau_runtime_new(&runtime_options, &runtime, &error) != TAU_OK) return failed(error);
  snprintf(text, sizeof text, "{\"model\":\"%s\"}", argc > 1 ? argv[1] : "");
  if (tau_agent_new(runtime, str(argc > 1 ? text : kScripted), &agent, &error) != TAU_OK)
    return failed(error);

  tau_tool tool = TAU_TOOL_INIT;
  tool.name = str("room_temperature");
  tool.description = str("The temperature of this room in degrees Celsius.");
  tool.effect = TAU_EFFECT_READ;
  if (tau_agent_add_tool(agent, &tool, &error) != TAU_OK) return failed(error);

  tau_run_options run_options = TAU_RUN_OPTIONS_INIT;
  run_options.prompt = str("How warm is it?");
  if (tau_session_open(agent, (tau_str){NULL, 0}, &session, &error) != TAU_OK) return failed(error);
  if (tau_run_start(session, &run_options, &run, &error) != TAU_OK) return failed(error);
  tau_event event = {.struct_size = sizeof event};
  do {
    if (tau_queue_next(tau_run_queue(run), -1, &event, &error) != TAU_OK) return failed(error);
    if (event.kind == TAU_EVENT_TEXT) printf("%.*s", (int)event.text.len, event.text.data);
    if (event.kind == TAU_EVENT_TOOL_CALL) {
      snprintf(text, sizeof text, "{\"op\":\"tool_result\",\"call_id\":\"%.*s\",\"content\":\"21\"}",
               (int)event.call_id.len, event.call_id.data);
      tau_run_submit(run, str(text), NULL, 0, NULL);
    }
  } while (event.kind != TAU_EVENT_RUN_DONE);
  const tau_status status = tau_run_wait(run, 0, &outcome, NULL);
  printf("\n%s\n", outcome.data);
  tau_buf_free(&outcome);
  tau_run_unref(run), tau_session_unref(session);
  tau_agent_unref(agent), tau_runtime_unref(runtime);
  return status == TAU_OK ? 0 : 1;
}
