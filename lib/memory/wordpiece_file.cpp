// Vocabularies from files: vocab.txt, and the part of tokenizer.json that WordPiece models use.
#include <algorithm>

#include "crypto/crypto.h"
#include "json/json.h"
#include "memory/wordpiece.h"

namespace tau::memory {
namespace {

constexpr size_t kMaxMarkerBytes = 64;
constexpr int64_t kMaxWordCharacters = 1'000;

Status invalid(std::string_view what) {
  return invalid_argument("invalid_model", format("the tokenizer is not valid: {}", what));
}

Status unsupported(std::string_view what, std::string_view name) {
  return Status(Code::kUnimplemented, "tokenizer_unsupported",
                format("the tokenizer's {} \"{}\" is not supported; BERT's WordPiece is", what,
                       repair_utf8(truncate_utf8(name, kMaxMarkerBytes))));
}

Status check_size(std::string_view file) {
  if (file.size() <= WordPiece::kMaxVocabularyBytes) return ok_status();
  return invalid(format("{} bytes are more than {}", file.size(), WordPiece::kMaxVocabularyBytes));
}

// What a text goes through before it is cut into words: BERT's own, or the steps that it has alone.
Status read_normalizer(const json::Value& normalizer, WordPieceOptions* options) {
  const std::string_view type = normalizer["type"].as_string();
  if (type != "BertNormalizer") return unsupported("normalizer", normalizer.is_null() ? "none" : type);
  options->clean = normalizer["clean_text"].as_bool(true);
  options->ideographs = normalizer["handle_chinese_chars"].as_bool(true);
  options->lowercase = normalizer["lowercase"].as_bool(true);
  options->strip_accents = normalizer["strip_accents"].as_bool(options->lowercase);
  return ok_status();
}

Status read_model(const json::Value& model, WordPieceOptions* options) {
  const std::string_view type = model["type"].as_string();
  const bool word_piece =
      type == "WordPiece" || (type.empty() && model.contains("continuing_subword_prefix"));
  if (!word_piece) return unsupported("model", type);
  options->prefix = model["continuing_subword_prefix"].as_string("##");
  options->unknown = model["unk_token"].as_string("[UNK]");
  if (options->prefix.size() > kMaxMarkerBytes) return invalid("its prefix of continuations is too long");
  const int64_t most = model["max_input_chars_per_word"].as_int(100);
  if (most < 1 || most > kMaxWordCharacters) return invalid(format("words of {} characters", most));
  options->max_word_characters = static_cast<size_t>(most);
  return ok_status();
}

// Numbers are a permutation of 0 .. size - 1.
StatusOr<std::vector<std::string>> read_pieces(const json::Value& vocabulary) {
  const json::Value::Object& entries = vocabulary.as_object();
  if (entries.size() > PieceTable::kMaxPieces)
    return invalid(format("a vocabulary of {} pieces", entries.size()));
  std::vector<std::string> pieces(entries.size());
  std::vector<bool> seen(entries.size());
  for (const auto& [text, number] : entries) {
    const uint64_t at = number.is_integer() ? number.as_uint(entries.size()) : entries.size();
    if (at >= entries.size() || seen[at])
      return invalid("its vocabulary is not numbered from 0 without gaps");
    pieces[at] = text;
    seen[at] = true;
  }
  return pieces;
}

}  // namespace

StatusOr<WordPiece> WordPiece::make(const std::vector<std::string>& pieces, WordPieceOptions options) {
  WordPiece out;
  TAU_ASSIGN_OR_RETURN(out.pieces_, PieceTable::make(pieces, options.prefix));
  out.unknown_ = out.pieces_.find(options.unknown);
  if (out.unknown_ == PieceTable::kNone) return invalid("its vocabulary lacks its token for unknown words");
  const std::string settings =
      format("{}{}{}{} {} {} {}", options.clean, options.ideographs, options.lowercase, options.strip_accents,
             options.prefix, options.unknown, options.max_word_characters);
  out.checksum_ = crypto::checksum64(settings);
  for (const std::string& piece : pieces) out.checksum_ = crypto::checksum64(piece, out.checksum_);
  out.options_ = std::move(options);
  return out;
}

StatusOr<WordPiece> WordPiece::from_vocabulary(std::string_view file, WordPieceOptions options) {
  TAU_RETURN_IF_ERROR(check_size(file));
  std::vector<std::string> pieces;
  while (!file.empty()) {
    const size_t end = std::min(file.find('\n'), file.size());
    std::string_view line = file.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (pieces.size() == PieceTable::kMaxPieces) return invalid("its vocabulary has too many lines");
    pieces.emplace_back(line);
    file.remove_prefix(std::min(end + 1, file.size()));
  }
  return make(pieces, std::move(options));
}

StatusOr<WordPiece> WordPiece::from_tokenizer_json(std::string_view file) {
  TAU_RETURN_IF_ERROR(check_size(file));
  const StatusOr<json::Value> parsed = json::parse(file);
  if (!parsed.ok()) return invalid(parsed.status().message());
  WordPieceOptions options;
  TAU_RETURN_IF_ERROR(read_model((*parsed)["model"], &options));
  TAU_RETURN_IF_ERROR(read_normalizer((*parsed)["normalizer"], &options));
  const json::Value& cutter = (*parsed)["pre_tokenizer"];
  if (cutter["type"].as_string() != "BertPreTokenizer")
    return unsupported("pre-tokenizer", cutter.is_null() ? "none" : cutter["type"].as_string());
  TAU_ASSIGN_OR_RETURN(const std::vector<std::string> pieces, read_pieces((*parsed)["model"]["vocab"]));
  return make(pieces, std::move(options));
}

}  // namespace tau::memory
