// libtau for C++17: the whole C API (tau.h) as owners, results and ranges. Header-only over libtau.so; no STL
// type passes into the library, nothing throws, and it compiles without exceptions and without RTTI.
//
//   auto runtime = tau::Runtime::open(options);           a Result: test it, then use -> and *
//   auto agent = runtime->agent(R"({"model":"…"})");
//   auto session = agent->session();
//   auto run = session->run("Hello");
//   for (const tau::Event& event : run->events())
//     if (event.kind() == tau::EventKind::kText) std::cout << event.text();
//   if (auto outcome = run->wait(); !outcome) …           whatever ended the loop, this tells
//
// Owners (Runtime, Agent, Session, Run, Queue, Memory, Vault, Secret, Identity, Access, ToolReply, wire::Stream, Error,
// Text)
// move and do not copy; share() takes another reference. c() lends the C object to functions of the C API, release() gives it away,
// and a constructor takes one over. A moved-from owner is empty: its calls fail with kInvalidArgument
// "null_argument". Children keep their parents alive, so owners may go in any order, and letting go never
// blocks.
//
// Views (std::string_view) passed in need to live only during the call. Views that come out live as long as
// the object that gave them; those of an Event until the next event is taken. Temporaries give no views, so
// what would dangle does not compile.
//
// Comments name the C function in parentheses, whose comment has every status; `Thread: any` and `owner` are
// as there. The wrapper is compiled into the program and has no ABI of its own: inline namespace v0 keeps
// releases apart.
#ifndef TAU_TAU_HPP
#define TAU_TAU_HPP

#include <tau/tau.h>

#include <tau/access.hpp>
#include <tau/agent.hpp>
#include <tau/audit.hpp>
#include <tau/base.hpp>
#include <tau/embed.hpp>
#include <tau/error.hpp>
#include <tau/event.hpp>
#include <tau/home.hpp>
#include <tau/identity.hpp>
#include <tau/memory.hpp>
#include <tau/model.hpp>
#include <tau/policy.hpp>
#include <tau/run.hpp>
#include <tau/runtime.hpp>
#include <tau/safety.hpp>
#include <tau/session.hpp>
#include <tau/tool.hpp>
#include <tau/vault.hpp>
#include <tau/wire.hpp>

#endif
