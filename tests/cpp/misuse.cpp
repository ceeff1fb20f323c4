// What the wrapper refuses at compile time. Without a macro this file compiles without a warning; with any
// REFUSED_* it must fail, and the compiler must say what stands beside it.
#include <ostream>
#include <tau/tau.hpp>

// Each of these is right; what is refused below differs in one thing.
void allowed(tau::Run& run, tau::Agent& agent, tau::Session& session) {
  tau::Run moved = std::move(run);
  for (const tau::Event& event : moved.events()) static_cast<void>(event.text());
  const std::string id(moved.id());
  if (auto outcome = moved.wait(); !outcome) static_cast<void>(outcome.error().message());
  auto description = agent.describe();
  if (description) static_cast<void>(description->view());
  moved.steer("on").ignore();
  auto started = session.run("Hello");
  if (started) started->cancel();
  agent.add_tool({}, [](const tau::ToolCall&) { return "done"; }).ignore();
}

size_t allowed(std::ostream& out, const tau::Vault& vault) {
  const auto secret = vault.get("a", "");
  out << "of " << secret->size() << " bytes";
  return secret->reveal().size();
}

#if defined(REFUSED_COPY)  // says: deleted
tau::Agent refused(const tau::Agent& agent) { return agent; }
#elif defined(REFUSED_COPYRUN)        // says: deleted
void refused(tau::Run& mine, const tau::Run& other) { mine = other; }
#elif defined(REFUSED_COPYTEXT)       // says: deleted
tau::Text refused(const tau::Text& text) { return text; }
#elif defined(REFUSED_IGNORE)         // says: (?i)ignoring
void refused(tau::Run& run) { run.steer("on"); }
#elif defined(REFUSED_IGNORERUN)      // says: (?i)ignoring
void refused(tau::Session& session) { session.run("Hello"); }
#elif defined(REFUSED_IGNOREOUTCOME)  // says: (?i)ignoring
void refused(tau::Run& run) { run.wait(); }
#elif defined(REFUSED_IGNORERELEASE)  // says: (?i)ignoring
void refused(tau::Run& run) { run.release(); }
#elif defined(REFUSED_EVENTS)         // says: deleted
void refused(tau::Session& session) {
  for (const tau::Event& event : session.run("Hello").value().events()) static_cast<void>(event.text());
}
#elif defined(REFUSED_EVENTSDEREF)    // says: deleted
void refused(tau::Session& session) {
  for (const tau::Event& event : (*session.run("Hello")).events()) static_cast<void>(event.text());
}
#elif defined(REFUSED_EVENTSARROW)    // says: deleted
void refused(tau::Session& session) {
  for (const tau::Event& event : session.run("Hello")->events()) static_cast<void>(event.text());
}
#elif defined(REFUSED_KEEPEVENT)      // says: deleted|private
void refused(tau::Run& run) {
  for (tau::Event event : run.events()) static_cast<void>(event.text());
}
#elif defined(REFUSED_ERRORVIEW)      // says: deleted
std::string_view refused(tau::Agent& agent) { return agent.session("x").error().message(); }
#elif defined(REFUSED_REASONVIEW)     // says: deleted
std::string_view refused(tau::Run& run) { return run.wait().error().reason(); }
#elif defined(REFUSED_TEXTVIEW)       // says: deleted
std::string_view refused(tau::Agent& agent) { return agent.describe().value(); }
#elif defined(REFUSED_TEXTPOINTER)    // says: deleted
const char* refused(tau::Agent& agent) { return agent.describe().value().c_str(); }
#elif defined(REFUSED_OUTCOMEVIEW)    // says: deleted
std::string_view refused(tau::Run& run) { return run.wait().json(); }
#elif defined(REFUSED_IDVIEW)         // says: deleted
std::string_view refused(tau::Agent& agent) { return agent.session().value().id(); }
#elif defined(REFUSED_RANGEERROR)     // says: deleted
const tau::Error& refused(tau::Run& run) { return run.events().error(); }
#elif defined(REFUSED_TOOLCALL)       // says: deleted
void refused(tau::Agent& agent) {
  agent.add_tool({}, [](const tau::ToolCall& call) { return [call] { return call.name(); }().data(); })
      .ignore();
}
#elif defined(REFUSED_TOOLSHAPE)      // says: a tool is void
void refused(tau::Agent& agent) {
  agent.add_tool({}, [](int) { return "done"; }).ignore();
}
#elif defined(REFUSED_SECRETCOPY)     // says: deleted
tau::Secret refused(const tau::Secret& secret) { return secret; }
#elif defined(REFUSED_SECRETVIEW)     // says: deleted
std::string_view refused(tau::Vault& vault) { return vault.get("a", "").value().reveal(); }
#elif defined(REFUSED_SECRETSTREAM)   // says: (?i)no match|invalid operands
void refused(std::ostream& out, const tau::Secret& secret) { out << secret; }
#elif defined(REFUSED_SECRETSTRING)   // says: (?i)no (viable|matching|known)|could not convert|conversion
std::string refused(const tau::Secret& secret) { return secret; }
#elif defined(REFUSED_SECRETEQUAL)    // says: (?i)no match|invalid operands
bool refused(const tau::Secret& a, const tau::Secret& b) { return a == b; }
#elif defined(REFUSED_IMPLICIT)       // says: (?i)no (viable|matching|known)|could not convert|conversion
tau::Agent refused(tau_agent* agent) { return agent; }
#endif
