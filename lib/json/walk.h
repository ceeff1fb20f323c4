// One iterative walk over a value for every kind of text, so that depth costs heap and not stack.
#pragma once

#include <vector>

#include "json/json.h"

namespace tau::json {

// A Sink has scalar(v), open(bracket), close(bracket, empty, depth), before_element(first, depth), key(name)
// and order(object): the members as they shall appear, or nothing for their own order. `depth` counts from 0.
template <class Sink>
void walk(const Value& root, Sink sink) {
  struct Frame {
    const Value* container;
    std::vector<const Value::Member*> order;
    size_t next;
  };
  std::vector<Frame> stack;
  const Value* value = &root;
  while (true) {
    if (value->is_array() || value->is_object()) {
      sink.open(value->is_array() ? '[' : '{');
      stack.push_back({value, sink.order(value->as_object()), 0});
    } else {
      sink.scalar(*value);
    }
    while (!stack.empty() && stack.back().next == stack.back().container->size()) {
      const Value* done = stack.back().container;
      stack.pop_back();
      sink.close(done->is_array() ? ']' : '}', done->size() == 0, stack.size());
    }
    if (stack.empty()) return;
    Frame& top = stack.back();
    sink.before_element(top.next == 0, stack.size());
    if (top.container->is_array()) {
      value = &top.container->as_array()[top.next];
    } else {
      const auto& object = top.container->as_object();
      const auto& member = top.order.empty() ? object[top.next] : *top.order[top.next];
      sink.key(member.first);
      value = &member.second;
    }
    ++top.next;
  }
}

}  // namespace tau::json
