// A small file system of a test's own, to fill or to make read-only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace tau::test {

// Runs `body(directory)` in a forked process, where `directory` is a tmpfs of that size that nobody else
// sees. Whether the body passed (no gtest failure); nothing where mounting is not permitted. Call it while
// this process has one thread.
std::optional<bool> on_small_disk(uint64_t bytes, const std::function<void(const std::string&)>& body);

// In the body: no write gets through from now on.
void make_read_only(const std::string& directory);

}  // namespace tau::test
