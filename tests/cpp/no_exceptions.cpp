// A program without exceptions and without RTTI uses the wrapper; it exits with 0 when all went as it should.
#include <tau/tau.hpp>

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "the build of this file switches exceptions and RTTI off"
#endif

namespace {

constexpr const char* kScript =
    R"({"model":"scripted/t","script":{"turns":[{"tool_calls":[{"name":"add"}]},{"text":["It is ","5."]}]}})";

std::string play() {
  tau::RuntimeOptions options;
  options.no_store = true;
  options.config = kScript;
  auto runtime = tau::Runtime::open(options);
  if (!runtime) return runtime.error().message().data();
  auto agent = runtime->agent();
  tau::Tool add;
  add.name = "add";
  add.effect = tau::Effect::kPure;
  if (!agent || !agent->add_tool(add, [](const tau::ToolCall&) { return "5"; })) return "no agent";
  auto session = agent->session();
  if (!session) return "no session";
  auto run = session->run("What is 2 + 3?");
  if (!run) return "no run";
  std::string text;
  for (const tau::Event& event : run->events())
    if (event.kind() == tau::EventKind::kText) text += event.text();
  return run->wait() ? text : "failed";
}

}  // namespace

int main() {
  const std::string text = play();
  std::printf("%s\n", text.c_str());
  return text == "It is 5." ? 0 : 1;
}
