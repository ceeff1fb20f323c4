// docs/monitor.md shows the tables that the code has. TAU_UPDATE_SCHEMAS=1 writes them into the page.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "safety/safety.h"

namespace tau::safety {
namespace {

const std::string kPage = TAU_SOURCE_ROOT "/docs/monitor.md";

std::string reasons_markdown() {
  std::string out = "| code | means |\n|---|---|\n";
  for (const ReasonText& reason : reason_texts()) out += format("| `{}` | {} |\n", reason.code, reason.text);
  return out;
}

std::string families_markdown() {
  std::string out = "| family | looks for | in | score |\n|---|---|---|---|\n";
  for (const InjectionFamily& family : injection_families())
    out += format("| `{}` | {} | {} | {} |\n", family.name, family.text,
                  family.tool_only ? "what tools return" : "any text", family.score);
  return out;
}

// The part of the page behind the mark of this name, up to the next end mark.
void expect_table(std::string_view name, const std::string& table) {
  std::ifstream in(kPage, std::ios::binary);
  std::string page{std::istreambuf_iterator<char>(in), {}};
  const size_t mark = page.find(format("<!-- {}:", name));
  ASSERT_NE(mark, page.npos) << name;
  const size_t begin = page.find('\n', mark) + 1;
  const size_t end = page.find("<!-- end -->", begin);
  ASSERT_NE(end, page.npos) << name;
  if (page.substr(begin, end - begin) == table) return;
  if (std::getenv("TAU_UPDATE_SCHEMAS") == nullptr) {
    ADD_FAILURE() << "docs/monitor.md differs in " << name << "; it should say\n" << table;
    return;
  }
  page.replace(begin, end - begin, table);
  std::ofstream(kPage, std::ios::binary) << page;
}

TEST(MonitorDocs, ShowThePresets) { expect_table("presets", presets_markdown()); }
TEST(MonitorDocs, ShowTheReasons) { expect_table("reasons", reasons_markdown()); }
TEST(MonitorDocs, ShowTheFamilies) { expect_table("families", families_markdown()); }

}  // namespace
}  // namespace tau::safety
