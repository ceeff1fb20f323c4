#include "wire/left_out.h"

#include <algorithm>
#include <iterator>

#include "base/utf8.h"
#include "wire/form.h"

namespace tau::wire {
namespace {

// Where media may be.
enum Place : uint8_t { kNowhere = 0, kBytes = 1, kUrl = 2, kId = 4, kStored = 8, kBroken = 16 };
// kStored: "s3://…"; kBroken: "data:…" with bytes that are none, which a server may know better how to read

// What a dialect takes of each kind of media, and whether its answers, its streams and its system hold any.
struct Takes {
  std::string_view dialect;
  uint8_t image;
  uint8_t audio;
  uint8_t file;
  bool answers;
  bool streams;
  bool system;

  uint8_t of(MediaKind kind) const {
    if (kind == MediaKind::kImage) return image;
    return kind == MediaKind::kAudio ? audio : file;
  }
};
constexpr Takes kTakes[] = {
    {kOpenAi, kBytes | kUrl | kBroken, kBytes, kBytes | kUrl | kId | kBroken, true, false, true},
    {kResponses, kBytes | kUrl | kId | kBroken, kBytes, kBytes | kUrl | kId | kBroken, false, false, true},
    {kAnthropic, kBytes | kUrl | kId, kNowhere, kBytes | kUrl | kId, true, true, false},
    {kGemini, kBytes | kUrl, kBytes | kUrl, kBytes | kUrl, true, true, false},
    {kBedrock, kBytes | kStored, kBytes | kStored, kBytes | kStored, true, false, false},
    {kCohere, kBytes | kUrl | kBroken, kNowhere, kNowhere, false, false, true},
    {kOllama, kBytes, kNowhere, kNowhere, false, false, true},
};

constexpr size_t kMostShown = 200;  // bytes of a URL, an id or a type

const Takes& takes_of(std::string_view dialect) {
  return *std::find_if(std::begin(kTakes), std::end(kTakes),
                       [&](const Takes& takes) { return takes.dialect == dialect; });
}

Place place_of(const Media& media) {
  if (!media.data.empty()) return kBytes;
  if (media.url.starts_with("s3://")) return kStored;
  if (media.url.starts_with("data:")) return kBroken;
  if (!media.url.empty()) return kUrl;
  return media.id.empty() ? kNowhere : kId;
}

bool can_take(const Takes& takes, const Media& media) {
  const Place place = place_of(media);
  const uint8_t places = takes.of(media.kind);
  // Whoever takes URLs answers for those of other schemes itself.
  return (places & place) != 0 || (place == kStored && (places & kUrl) != 0);
}

// On one line and without the bracket that ends a note.
std::string shown(std::string_view text) {
  std::string out(truncate_utf8(text, kMostShown));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < ' ' || c == ']' || c == '[') c = '_';
  if (out.size() < text.size()) out += "…";
  return out;
}

std::string_view kind_name(MediaKind kind) {
  if (kind == MediaKind::kImage) return "image";
  return kind == MediaKind::kAudio ? "audio" : "file";
}

std::string media_note(const Media& media, std::string_view dialect) {
  const std::string_view kind = kind_name(media.kind);
  const Place place = place_of(media);
  std::string out = format("[{} left out: {} takes none", kind, dialect);
  if (place == kUrl || place == kStored) out += format(" by URL: {}", shown(media.url));
  if (place == kId) out += format(" by id: {}", shown(media.id));
  if (place == kNowhere || place == kBroken) out += " whose bytes cannot be read";
  if (!media.name.empty()) out += format(", named {}", shown(media.name));
  return out += ']';
}

bool is_plain_text(const Media& media) {
  return media.kind == MediaKind::kFile && !media.data.empty() && media.mime.starts_with("text/") &&
         is_valid_utf8(media.data);
}

// Breakpoints of caches are no content.
bool is_mark(const Opaque& opaque) { return opaque.type == "cachePoint"; }

bool came_from(const Part& part, std::string_view dialect) {
  return !extras_origin(part.extras).empty() && extras_belong(part.extras, dialect);
}

bool replace(std::vector<Part>& parts, Role role, std::string_view dialect) {
  bool any = false;
  for (Part& part : parts) {
    if (std::optional<std::string> text = stand_in(part, role, dialect)) {
      part = Part{Text{*std::move(text)}, {}};
      any = true;
    } else if (auto* result = part.as<ToolResult>()) {
      any = replace(result->content, Role::kTool, dialect) || any;
    }
  }
  return any;
}

bool needs_any(const std::vector<Part>& parts, Role role, std::string_view dialect) {
  return std::any_of(parts.begin(), parts.end(), [&](const Part& part) {
    if (const auto* result = part.as<ToolResult>()) return needs_any(result->content, Role::kTool, dialect);
    return stand_in(part, role, dialect).has_value();
  });
}

class StandInEncoder final : public StreamEncoder {
 public:
  StandInEncoder(std::unique_ptr<StreamEncoder> encoder, std::string_view dialect)
      : encoder_(std::move(encoder)), dialect_(dialect) {}

  void begin(const Response& head, std::string& out) override { encoder_->begin(head, out); }
  void event(const StreamEvent& event, std::string& out) override {
    const bool whole = event.kind == StreamEvent::Kind::kPart && event.body != nullptr;
    const Media* media = whole ? event.body->as<Media>() : nullptr;
    const bool written =
        media == nullptr || came_from(*event.body, dialect_) ||
        (takes_of(dialect_).streams && !stand_in(*event.body, Role::kAssistant, dialect_).has_value());
    if (written) return encoder_->event(event, out);
    const std::string note = media_note(*media, dialect_);
    StreamEvent text{};
    text.kind = StreamEvent::Kind::kText;
    text.part = event.part;
    text.text = note;
    encoder_->event(text, out);
  }
  void finish(const Response& whole, std::string& out) override { encoder_->finish(whole, out); }
  void error(const Status& status, std::string& out) override { encoder_->error(status, out); }

 private:
  std::unique_ptr<StreamEncoder> encoder_;
  std::string_view dialect_;
};

}  // namespace

std::optional<std::string> stand_in(const Part& part, Role role, std::string_view dialect) {
  const auto* opaque = part.as<Opaque>();
  const auto* media = part.as<Media>();
  if ((opaque == nullptr && media == nullptr) || came_from(part, dialect)) return std::nullopt;
  if (opaque != nullptr) {
    const bool host_made = extras_origin(part.extras).empty();
    if (role == Role::kAssistant || host_made || is_mark(*opaque)) return std::nullopt;
    return format("[{} left out: {} has nothing like it]", shown(opaque->type), dialect);
  }
  const Takes& takes = takes_of(dialect);
  const bool system = role == Role::kSystem || role == Role::kDeveloper;
  const bool speaks = system ? takes.system : takes.answers || role != Role::kAssistant;
  if (can_take(takes, *media) && speaks) return std::nullopt;
  if (!is_plain_text(*media)) return media_note(*media, dialect);
  return media->name.empty() ? media->data : format("{}:\n{}", shown(media->name), media->data);
}

std::optional<std::vector<Message>> with_stand_ins(const std::vector<Message>& messages,
                                                   std::string_view dialect) {
  const bool any = std::any_of(messages.begin(), messages.end(), [&](const Message& message) {
    return needs_any(message.parts, message.role, dialect);
  });
  if (!any) return std::nullopt;
  std::vector<Message> out = messages;
  for (Message& message : out) replace(message.parts, message.role, dialect);
  return out;
}

std::unique_ptr<StreamEncoder> with_stand_ins(std::unique_ptr<StreamEncoder> encoder,
                                              std::string_view dialect) {
  return std::make_unique<StandInEncoder>(std::move(encoder), dialect);
}

}  // namespace tau::wire
