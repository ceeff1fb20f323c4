// The table of English words.
#include "memory/english_words.h"

#include <array>
#include <cstdint>

namespace tau::memory {
namespace {

// Articles, pronouns, auxiliaries, prepositions, conjunctions, question words.
constexpr std::string_view kStopWords =
    "a about above after again against all also am an and any are aren as at be because been before being "
    "below "
    "between both but by can cannot could d did do does doing done down during each either few for from "
    "further "
    "had has have having he her here hers herself him himself his how i if in into is it its itself just ll "
    "m may "
    "me might more most must my myself no nor not now of off on once only or other ought our ours ourselves "
    "out "
    "over own re s same shall she should so some such t than that the their theirs them themselves then "
    "there "
    "these they this those through to too under until up upon us ve very was we were what when where whether "
    "which "
    "while who whom whose why will with within without would yes you your yours yourself yourselves";

// Plain form, then those that the stemmer does not lead to it.
constexpr std::string_view kIrregular =
    "arise arose arisen;awake awoke awoken;bear bore borne;beat beaten;become became;begin began begun;bend "
    "bent;"
    "bet;bite bit bitten;bleed bled;blow blew blown;break broke broken;breed bred;bring brought;build built;"
    "buy bought;catch caught;choose chose chosen;cling clung;come came;creep crept;deal dealt;dig dug;"
    "draw drew drawn;dream dreamt;drink drank drunk;drive drove driven;eat ate eaten;fall fell fallen;feed "
    "fed;"
    "feel felt;fight fought;find found;flee fled;fly flew flown;forbid forbade forbidden;forget forgot "
    "forgotten;"
    "forgive forgave forgiven;freeze froze frozen;get got gotten;give gave given;go went gone;grow grew "
    "grown;"
    "hang hung;hear heard;hide hid hidden;hold held;keep kept;kneel knelt;know knew known;lead led;lean "
    "leant;"
    "learn learnt;leave left;lend lent;light lit;lose lost;make made;mean meant;meet met;overcome "
    "overcame;pay paid;"
    "ride rode ridden;ring rang rung;rise rose risen;run ran;say said;see saw seen;seek sought;sell "
    "sold;send sent;"
    "sew sewn;shake shook shaken;shine shone;shoot shot;show shown;shrink shrank shrunk;sing sang sung;"
    "sink sank sunk;sit sat;sleep slept;slide slid;speak spoke spoken;spend spent;spin spun;spring sprang "
    "sprung;"
    "stand stood;steal stole stolen;stick stuck;strike struck;strive strove;swear swore sworn;sweep swept;"
    "swim swam swum;swing swung;take took taken;teach taught;tear tore torn;tell told;think thought;"
    "throw threw thrown;understand understood;undertake undertook undertaken;wake woke woken;wear wore worn;"
    "weave wove woven;weep wept;win won;withdraw withdrew withdrawn;write wrote written;"
    "child children;man men;woman women;person people;foot feet;tooth teeth;goose geese;mouse mice;wife "
    "wives;"
    "life lives;knife knives;leaf leaves;shelf shelves;half halves;wolf wolves;thief thieves;loaf loaves;"
    "datum data;criterion criteria;phenomenon phenomena;analysis analyses;basis bases;crisis crises;"
    "hypothesis hypotheses;thesis theses;index indices;matrix matrices;vertex vertices;axis axes;"
    "good better best;bad worse worst;movie movies;photo photos pic pics picture pictures photograph;"
    "mom mother mum;dad father";

struct Entry {
  std::string_view word;
  std::string_view instead;
};

constexpr size_t kSlots = 1024;

constexpr uint32_t slot_of(std::string_view word) {
  uint32_t hash = 2166136261U;
  for (const char c : word) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619U;
  return (hash ^ hash >> 15) % kSlots;
}

using Table = std::array<Entry, kSlots>;

constexpr void insert(Table& table, std::string_view word, std::string_view instead) {
  uint32_t slot = slot_of(word);
  while (!table[slot].word.empty()) slot = (slot + 1) % kSlots;
  table[slot] = {word, instead};
}

// The next word of a list; its end is left out.
constexpr std::string_view take(std::string_view& list, std::string_view ends) {
  const size_t end = list.find_first_of(ends);
  const std::string_view word = list.substr(0, end);
  list = end == std::string_view::npos ? std::string_view() : list.substr(end + 1);
  return word;
}

constexpr Table make_table() {
  Table table{};
  for (std::string_view list = kStopWords; !list.empty();) insert(table, take(list, " "), {});
  for (std::string_view list = kIrregular; !list.empty();) {
    std::string_view forms = take(list, ";");
    const std::string_view plain = take(forms, " ");
    while (!forms.empty()) insert(table, take(forms, " "), plain);
  }
  return table;
}
constexpr Table kTable = make_table();

}  // namespace

std::optional<std::string_view> english_word(std::string_view word) {
  for (uint32_t slot = slot_of(word); !kTable[slot].word.empty(); slot = (slot + 1) % kSlots)
    if (kTable[slot].word == word) return kTable[slot].instead;
  return std::nullopt;
}

}  // namespace tau::memory
