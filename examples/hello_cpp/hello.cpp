// The whole of an agent in C++: a runtime in memory, a tool that is a lambda, a run whose answer streams.
//   hello_cpp                     a model that plays a script: no key, no network
//   hello_cpp openai/gpt-5-mini   any provider whose key is in the environment
#include <iostream>
#include <tau/tau.hpp>

namespace {

constexpr const char* kScripted = R"({"model":"scripted/demo","script":{"turns":[
    {"text":["Let me ","look. "],"tool_calls":[{"name":"room_temperature"}]},
    {"text":["It is ","21 degrees."]}]}})";

int failed(const tau::Error& error) {
  std::cerr << error.message() << '\n';
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  tau::RuntimeOptions options;
  options.no_store = true;
  options.use_environment = true;
  auto runtime = tau::Runtime::open(options);
  if (!runtime) return failed(runtime.error());

  const std::string config = argc > 1 ? R"({"model":")" + std::string(argv[1]) + R"("})" : kScripted;
  auto agent = runtime->agent(config);
  if (!agent) return failed(agent.error());

  tau::Tool tool;
  tool.name = "room_temperature";
  tool.description = "The temperature of this room in degrees Celsius.";
  tool.effect = tau::Effect::kRead;
  if (auto added = agent->add_tool(tool, [](const tau::ToolCall&) { return "21"; }); !added)
    return failed(added.error());

  auto session = agent->session();
  if (!session) return failed(session.error());
  auto run = session->run("How warm is it?");
  if (!run) return failed(run.error());
  for (const tau::Event& event : run->events())
    if (event.kind() == tau::EventKind::kText) std::cout << event.text() << std::flush;

  const auto outcome = run->wait();
  std::cout << '\n' << outcome.json() << '\n';
  return outcome ? 0 : failed(outcome.error());
}
