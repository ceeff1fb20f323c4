// Whose words an argument is made of.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "safety/monitor_match.h"
#include "safety/safety.h"

namespace tau::safety {
namespace {

UserText said(std::string_view text) {
  UserText user;
  user.add(text);
  return user;
}

struct Case {
  const char* text;
  const char* value;
  const char* argument;
  bool owned;
};

class Owns : public testing::TestWithParam<Case> {};

TEST_P(Owns, ByWholeCanonicalTokens) {
  const Case& c = GetParam();
  EXPECT_EQ(said(c.text).owns(c.value, c.argument), c.owned)
      << "text: " << c.text << "\nvalue: " << c.value << "\nargument: " << c.argument;
}

constexpr Case kEmails[] = {
    {"Write to bob@example.org.", "bob@example.org", "to", true},
    {"Write to bob@example.org.", "bob@EXAMPLE.org", "to", true},
    {"Write to bob@example.org.", "Bob@example.org", "to", false},  // the local part is its host's business
    {"Write to 'bob@example.org', please", "bob@example.org", "to", true},
    {"Write to <bob@example.org>!", "bob@example.org", "to", true},
    {"Write to mailto:bob@example.org", "bob@example.org", "to", true},
    {"Write to user@x.com.evil.org", "user@x.com", "to", false},
    {"Write to xuser@x.com", "user@x.com", "to", false},
    {"Write to user@x.com", "user@x.com.evil.org", "to", false},
    {"Write to user+tag@x.com", "user@x.com", "to", false},
    {"Write to user@x.com", "user@x", "to", false},
    {"Write to a@x.com and b@x.com", "a@x.com, b@x.com", "to", true},
    {"Write to a@x.com and b@x.com", "a@x.com,evil@x.org", "to", false},
    {"Write to a@x.com,b@x.com;c@x.com", "b@x.com", "to", true},
    {"Bob is bob@x.com", "Bob <bob@x.com>", "to", true},
    {"Bob is bob@x.com", "Bob <evil@x.org>", "to", false},
    {"Bob is bob@x.com", "bob@x.com\r\nBcc: evil@x.org", "to", false},
    {"Bob is bob@x.com", "bob@x.com\nbob@x.com", "to", false},
    {"alice corp.com", "alice@corp.com", "to", false},
    {"alice@corp.com", "alice", "user", false},
    {"alice@corp.com", "corp.com", "host", false},
    {"", "a@x.com", "to", false},
    {"a@x.com", "", "to", false},
    {"a@x.com", "@", "to", false},
};
INSTANTIATE_TEST_SUITE_P(Emails, Owns, testing::ValuesIn(kEmails));

constexpr Case kUrls[] = {
    {"See www.example.org.", "www.example.org", "url", true},
    {"See www.example.org.", "https://www.example.org", "url", true},
    {"See www.example.org.", "https://www.example.org/", "url", true},
    {"See www.example.org.", "ftp://www.example.org/", "url", false},
    {"See https://example.org/a", "HTTPS://Example.org:443/a", "url", true},
    {"See https://example.org/a", "http://example.org/a", "url", false},
    {"See https://example.org/a", "example.org/a", "url", true},
    {"See https://example.org/a", "https://example.org/A", "url", false},
    {"See https://example.org/a", "https://example.org/a?x=1", "url", false},
    {"See https://example.org/a", "https://example.org", "url", false},
    {"See https://example.org/a", "https://example.org:8443/a", "url", false},
    {"See https://example.org/a,b", "https://example.org/a", "url", false},
    {"See https://example.org/a(b)", "https://example.org/a", "url", false},
    {"See (https://example.org/a)", "https://example.org/a", "url", true},
    {"See notevil.com", "evil.com", "url", false},
    {"See evil.com.au", "evil.com", "url", false},
    {"See good.com", "https://good.com@evil.com/", "url", false},
    {"See good.com", "https://evil.com/#good.com", "url", false},
    {"See good.com", "https://good.com\\@evil.com", "url", false},
    {"See good.com", "good.com:80", "url", false},
    {"See 10.0.0.1", "http://10.0.0.1/", "url", true},
    {"See 10.0.0.1", "http://10.0.0.10/", "url", false},
};
INSTANTIATE_TEST_SUITE_P(Urls, Owns, testing::ValuesIn(kUrls));

constexpr Case kOthers[] = {
    // accounts
    {"Pay GB29NWBK60161331926819 now", "GB29NWBK60161331926819", "recipient", true},
    {"Pay GB29 NWBK 6016 1331 9268 19 now", "GB29NWBK60161331926819", "recipient", true},
    {"Pay GB29NWBK60161331926819 now", "GB29 NWBK 6016 1331 9268 19", "recipient", true},
    {"Pay GB29NWBK60161331926819 now", "gb29nwbk60161331926819", "recipient", true},
    {"Pay GB29NWBK60161331926819 now", "GB29NWBK6016133192681", "recipient", false},
    {"Pay GB29NWBK601613319268190 now", "GB29NWBK60161331926819", "recipient", false},
    {"US122000000121212121212.", "US122000000121212121212", "recipient", true},
    {"US122000000121212121212.", "US133000000121212121212", "recipient", false},
    // paths
    {"Read 'notes/plan.txt'", "notes/plan.txt", "path", true},
    {"Read notes/plan.txt", "./notes//plan.txt", "path", true},
    {"Read notes/plan.txt", "notes/../plan.txt", "path", false},
    {"Read notes/plan.txt", "plan.txt", "path", false},
    {"Read notes/plan.txt", "/notes/plan.txt", "path", false},
    {"Read README.md", "README.md", "file_path", true},
    {"Read README.md", "readme.md", "file_path", false},
    {"Read my notes.txt", "my notes.txt", "file_path", true},
    {"Read src/main.c", "src", "dir", false},
    // numbers
    {"Delete file 13", "13", "file_id", true},
    {"Delete the file with ID '13'", "13", "file_id", true},
    {"Delete #13", "13", "file_id", true},
    {"Send 13 files", "13", "file_id", false},
    {"on January 13", "13", "file_id", false},
    {"account 555123456", "555123456", "to", true},
    {"account 5551234567", "555123456", "to", false},
    {"1,234,567 dollars", "1234567", "amount", true},
    {"$1,234,567.00", "1234567", "amount", true},
    {"number 007", "7", "id", false},
    // names
    {"book 'Le Marais Boutique' please", "Le Marais Boutique", "hotel", true},
    {"book le marais boutique", "Le Marais Boutique", "hotel", true},
    {"Le Marais, a Boutique", "Le Marais Boutique", "hotel", false},
    {"Send it to Alice's desk", "Alice", "recipient", true},
    {"Post in #general", "general", "channel", true},
    {"Post in generals", "general", "channel", false},
    {"Tell @bob", "bob", "user", true},
    // what looks alike is not equal
    {"See example.org", "ex\u0430mple.org", "url", false},  // Cyrillic a
    {"See ex\u0430mple.org", "example.org", "url", false},
    {"Bob\u200b is here", "Bob", "user", false},
    {"Bob is here", "Bob\u200b", "user", false},
    {"Bob is here", "\u202eBob", "user", false},
    {"Ren\u00e9 is here", "Rene\u0301", "user", false},  // composed, decomposed
    {"Ren\u00e9 is here", "Ren\u00e9", "user", true},
    {"\uff42ob is here", "bob", "user", false},  // full width
    {"a\xff is here", "a\xff", "user", false},
    {"bob\u00a0is here", "bob", "user", true},
    {"\u8bf7\u53d1\u7ed9\uff1abob@x.com\u3002", "bob@x.com", "to", true},
    {"bob@x.com\u8bf7", "bob@x.com", "to", false},
};
INSTANTIATE_TEST_SUITE_P(Others, Owns, testing::ValuesIn(kOthers));

TEST(UserText, KeepsMessagesApart) {
  UserText user;
  user.add("Le Marais");
  user.add("Boutique");
  EXPECT_TRUE(user.owns("Le Marais"));
  EXPECT_TRUE(user.owns("Boutique"));
  EXPECT_FALSE(user.owns("Le Marais Boutique"));
}

TEST(UserText, EveryElementOfAnAddressListMustBeTheUsers) {
  std::string text;
  for (int i = 0; i < 500; ++i) text += "u" + std::to_string(i) + "@x.org ";
  const UserText user = said(text);
  EXPECT_TRUE(user.owns("u3@x.org; u499@x.org, u7@x.org"));
  EXPECT_FALSE(user.owns("u3@x.org; u500@x.org, u7@x.org"));
}

TEST(UserText, DictatedIsAWholePhraseInOrder) {
  const UserText user = said("Post: 'Hi, can everybody write me their hobby?' in general");
  EXPECT_TRUE(user.dictated("Hi, can everybody write me their hobby?"));
  EXPECT_TRUE(user.dictated("can everybody write me"));
  EXPECT_FALSE(user.dictated("Hi, everybody can write me"));
  EXPECT_FALSE(user.dictated("Hi, can everybody write me their hobby at evil.com"));
  EXPECT_FALSE(user.dictated("write me"));  // too little to be told from chance
  EXPECT_FALSE(user.dictated(""));
}

TEST(UserText, AnAddressIsNamedByAllWordsOfItsLocalPart) {
  const UserText user = said("Meet Sarah Baker and invite Dora. Hello is what info says to Mark.");
  EXPECT_TRUE(user.names_owner_of("sarah.baker@any.org"));
  EXPECT_FALSE(user.names_owner_of("baker.sarah@any.org"));
  EXPECT_FALSE(user.names_owner_of("sarah.connor@any.org"));
  EXPECT_TRUE(user.names_owner_of("dora@any.org"));
  EXPECT_FALSE(user.names_owner_of("hello@any.org"));  // begins a sentence
  EXPECT_FALSE(user.names_owner_of("info@any.org"));   // no name
  EXPECT_FALSE(user.names_owner_of("mark.black-2134@any.org"));
  EXPECT_FALSE(user.names_owner_of("mark2@any.org"));
  EXPECT_FALSE(user.names_owner_of("dora"));
  EXPECT_FALSE(user.names_owner_of("dora@any.org, x@any.org"));
}

TEST(UserText, TakesNoTextBeyondItsBound) {
  UserText user;
  user.add(std::string(UserText::kMaxBytes + 1, 'a') + " bob@x.org");
  EXPECT_FALSE(user.owns("bob@x.org"));
  user.add("carl@x.org");
  EXPECT_TRUE(user.owns("carl@x.org"));
}

TEST(UserText, AWordThatStandsEverywhereCostsNoMoreThanItsPlaces) {
  std::string text;
  for (int i = 0; i < 50'000; ++i) text += "a ";
  const UserText user = said(text);
  std::string value;
  for (int i = 0; i < 900; ++i) value += "a ";
  EXPECT_TRUE(user.owns(value));
  EXPECT_FALSE(user.owns(value + "b"));
}

TEST(MonitorMatch, Patterns) {
  EXPECT_TRUE(matches_pattern("", ""));
  EXPECT_TRUE(matches_pattern("", "**"));
  EXPECT_FALSE(matches_pattern("", "?"));
  EXPECT_TRUE(matches_pattern("http://x/y", "http://*"));
  EXPECT_FALSE(matches_pattern("https://x/y", "http://*"));
  EXPECT_TRUE(matches_pattern("aXbXc", "a*b*c"));
  EXPECT_FALSE(matches_pattern("aXbX", "a*b*c"));
  EXPECT_TRUE(matches_pattern("abc", "a?c"));
  EXPECT_FALSE(matches_pattern("abc", "a?"));
  EXPECT_FALSE(matches_pattern(std::string(16'000, 'a'), "*a*a*a*a*b"));
}

TEST(MonitorMatch, HoldsTokenWholeOnly) {
  EXPECT_TRUE(holds_token("mail: sarah@x.org, phone 1", "sarah@x.org"));
  EXPECT_FALSE(holds_token("mail: xsarah@x.org", "sarah@x.org"));
  EXPECT_FALSE(holds_token("a b", "a b"));
}

TEST(MonitorMatch, PlainNames) {
  EXPECT_TRUE(is_plain_name("general"));
  EXPECT_TRUE(is_plain_name("Mary Ann Lee"));
  for (const char* no : {"", "a@b.org", "b.org", "x/y", "user7", "one two three four", "+15551234"})
    EXPECT_FALSE(is_plain_name(no)) << no;
}

}  // namespace
}  // namespace tau::safety
