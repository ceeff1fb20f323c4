// Value: access, lookup, change, equality, destruction. Nothing here recurses deeper than kMaxDepth, because
// a value that was built by hand can be nested without limit.
#include <algorithm>
#include <cmath>

#include "json/json.h"
#include "json/number.h"

namespace tau::json {
namespace {

constexpr size_t kLinearMembers = 16;  // up to here a scan beats sorting

const Value& null_value() {
  static const Value null;
  return null;
}

using Pair = std::pair<const Value*, const Value*>;

std::vector<const Value::Member*> sorted_members(const Value::Object& object) {
  std::vector<const Value::Member*> members;
  members.reserve(object.size());
  for (const auto& member : object) members.push_back(&member);
  std::sort(members.begin(), members.end(), [](auto* a, auto* b) { return a->first < b->first; });
  return members;
}

// Queues the member values that have to be equal; false when the keys already differ.
bool pair_members(const Value& a, const Value& b, std::vector<Pair>& todo) {
  const auto& left = a.as_object();
  const auto& right = b.as_object();
  if (left.size() != right.size()) return false;
  if (left.size() <= kLinearMembers) {
    for (size_t i = 0; i < left.size(); ++i) {
      const bool aligned = left[i].first == right[i].first;
      const Value* other = aligned ? &right[i].second : b.find(left[i].first);
      if (other == nullptr) return false;
      todo.emplace_back(&left[i].second, other);
    }
    return true;
  }
  const auto ls = sorted_members(left);
  const auto rs = sorted_members(right);
  for (size_t i = 0; i < ls.size(); ++i) {
    if (ls[i]->first != rs[i]->first) return false;
    todo.emplace_back(&ls[i]->second, &rs[i]->second);
  }
  return true;
}

bool scalars_equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return compare_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  if (a.is_string()) return a.as_string() == b.as_string();
  if (a.is_bool()) return a.as_bool() == b.as_bool();
  return a.is_null();
}

}  // namespace

Value::Value(uint64_t u) {
  if (u <= static_cast<uint64_t>(INT64_MAX)) {
    v_ = static_cast<int64_t>(u);
  } else {
    v_ = u;
  }
}

// Starts as null and takes the alternative when it is complete. The variant's own copy constructor is no use
// here: libstdc++ 12 holds one of strings and vectors to be never valueless, so when memory runs out within a
// copy its destructor would visit an alternative that was never made.
Value::Value(const Value& other) {
  std::visit(
      [this](const auto& value) {
        using Alternative = std::decay_t<decltype(value)>;
        v_.emplace<Alternative>(Alternative(value));
      },
      other.v_);
}

Value& Value::operator=(const Value& other) {
  Value copy(other);
  v_.swap(copy.v_);
  return *this;
}

Value& Value::operator=(Value&& other) noexcept {
  Value taken(std::move(other));
  v_.swap(taken.v_);
  return *this;
}

Value::~Value() {
  if (!holds_containers()) return;
  std::vector<Value> late;
  release(*this, 0, late);
  while (!late.empty()) {
    const auto next = std::make_unique<Value>(std::move(late.back()));
    late.pop_back();
    release(*next, 0, late);
  }
}

bool Value::holds_containers() const {
  const auto is_container = [](const Value& child) { return child.kind() >= Kind::kArray; };
  if (const auto* array = std::get_if<Array>(&v_)) return std::ranges::any_of(*array, is_container);
  const auto* object = std::get_if<Object>(&v_);
  return object != nullptr && std::ranges::any_of(*object, is_container, &Member::second);
}

// Empties the containers below `value`, innermost first; what lies deeper than kMaxDepth is moved to `late`.
void Value::release(Value& value, int depth, std::vector<Value>& late) {
  const auto visit = [&](Value& child) {
    if (child.size() == 0) return;
    if (depth < kMaxDepth) return release(child, depth + 1, late);
    late.push_back(std::move(child));
  };
  if (auto* array = std::get_if<Array>(&value.v_)) {
    for (auto& child : *array) visit(child);
    array->clear();
  } else if (auto* object = std::get_if<Object>(&value.v_)) {
    for (auto& member : *object) visit(member.second);
    object->clear();
  }
}

bool Value::as_bool(bool otherwise) const {
  const bool* b = std::get_if<bool>(&v_);
  return b != nullptr ? *b : otherwise;
}

int64_t Value::as_int(int64_t otherwise) const {
  if (const auto* i = std::get_if<int64_t>(&v_)) return *i;
  const auto* d = std::get_if<double>(&v_);
  // 2^63 itself is a double and out of range.
  if (d == nullptr || !(*d >= -0x1p63 && *d < 0x1p63) || std::trunc(*d) != *d) return otherwise;
  return static_cast<int64_t>(*d);
}

uint64_t Value::as_uint(uint64_t otherwise) const {
  if (const auto* u = std::get_if<uint64_t>(&v_)) return *u;
  if (const auto* i = std::get_if<int64_t>(&v_)) return *i >= 0 ? static_cast<uint64_t>(*i) : otherwise;
  const auto* d = std::get_if<double>(&v_);
  if (d == nullptr || !(*d >= 0 && *d < 0x1p64) || std::trunc(*d) != *d) return otherwise;
  return static_cast<uint64_t>(*d);
}

double Value::as_double(double otherwise) const {
  if (const auto* d = std::get_if<double>(&v_)) return *d;
  if (const auto* i = std::get_if<int64_t>(&v_)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<uint64_t>(&v_)) return static_cast<double>(*u);
  return otherwise;
}

std::string_view Value::as_string(std::string_view otherwise) const {
  const auto* s = std::get_if<std::string>(&v_);
  return s != nullptr ? std::string_view(*s) : otherwise;
}

const Value::Array& Value::as_array() const {
  static const Array empty;
  const auto* array = std::get_if<Array>(&v_);
  return array != nullptr ? *array : empty;
}

const Value::Object& Value::as_object() const {
  static const Object empty;
  const auto* object = std::get_if<Object>(&v_);
  return object != nullptr ? *object : empty;
}

const Value* Value::find(std::string_view key) const {
  for (const auto& member : as_object())
    if (member.first == key) return &member.second;
  return nullptr;
}

Value* Value::find(std::string_view key) {
  return const_cast<Value*>(static_cast<const Value*>(this)->find(key));
}

const Value& Value::operator[](std::string_view key) const {
  const Value* found = find(key);
  return found != nullptr ? *found : null_value();
}

size_t Value::size() const { return is_array() ? as_array().size() : as_object().size(); }

Value& Value::set(std::string_view key, Value value) {
  if (Value* found = find(key)) {
    *found = std::move(value);
  } else {
    mutable_object().emplace_back(std::string(key), std::move(value));
  }
  return *this;
}

bool Value::erase(std::string_view key) {
  auto* object = std::get_if<Object>(&v_);
  if (object == nullptr) return false;
  const auto same = [key](const Member& m) { return m.first == key; };
  const auto it = std::find_if(object->begin(), object->end(), same);
  if (it == object->end()) return false;
  object->erase(it);
  return true;
}

Value& Value::push_back(Value value) {
  mutable_array().push_back(std::move(value));
  return *this;
}

Value::Array& Value::mutable_array() {
  if (!is_array()) *this = array();
  return std::get<Array>(v_);
}

Value::Object& Value::mutable_object() {
  if (!is_object()) *this = object();
  return std::get<Object>(v_);
}

std::string& Value::mutable_string() {
  if (!is_string()) *this = Value(std::string());
  return std::get<std::string>(v_);
}

bool Value::operator==(const Value& other) const {
  std::vector<Pair> todo;
  const Value* a = this;
  const Value* b = &other;
  while (true) {
    if (a->is_array() && b->is_array()) {
      if (a->size() != b->size()) return false;
      for (size_t i = 0; i < a->size(); ++i) todo.emplace_back(&a->as_array()[i], &b->as_array()[i]);
    } else if (a->is_object() && b->is_object()) {
      if (!pair_members(*a, *b, todo)) return false;
    } else if (!scalars_equal(*a, *b)) {
      return false;
    }
    if (todo.empty()) return true;
    a = todo.back().first;
    b = todo.back().second;
    todo.pop_back();
  }
}

}  // namespace tau::json
