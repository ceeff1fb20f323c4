#include "safety/injection_rules.h"

namespace tau::safety {
namespace {

// What was said before, and what it may be called.
#define TAU_OLD                                                                                           \
  "(?:previous(?:ly)?|prior|above|earlier|preceding|initial|original|existing|foregoing|given|developer|" \
  "system|your|my)"
#define TAU_ANY "(?:all|any|every|those|these|the|everything)"
#define TAU_ORDERS                                                                                          \
  "(?:\\w{0,2}instruct\\w*|iunstruct\\w*|direct(?:ion|ive)s?|prompts?|rules?|orders?|commands?|guidelines?" \
  "|programming|training)"
#define TAU_IGNORE                                                                                       \
  "(?:ignor(?:e|ing)|disregard|override|overrule|bypass|neglect|discard|forget(?: about)?|forgotten(?: " \
  "about)?"                                                                                              \
  "|stop following|pay no attention to|(?:do not|don't|never) (?:listen to|follow|obey|adhere to))"

using enum InjectionKind;

constexpr InjectionRule kRules[] = {
    {kOverride,
     "ignor|disregard|overrid|overrul|bypass|neglect|discard|forget|forgot|following|attention|listen|follow|"
     "obey|adhere",
     "\\b" TAU_IGNORE "\\b.{0,30}\\b" TAU_OLD "\\b.{0,30}\\b" TAU_ORDERS "\\b"},
    {kOverride,
     "ignor|disregard|overrid|overrul|bypass|neglect|discard|forget|forgot|following|attention|listen|follow|"
     "obey|adhere",
     "\\b" TAU_IGNORE " (?:absolutely )?" TAU_ANY
     "\\b.{0,20}\\b(?:instructions?|directives?|orders?|commands?|prompts?|rules?)\\b"},
    {kOverride, "ignor|disregard|discard|forget|forgot|listen",
     "\\b" TAU_IGNORE "\\b.{0,15}\\b(?:previous|prior|above|earlier|preceding)\\b.{0,15}\\b(?:information|"
     "messages?|conversation|text|content|context|data)\\b"},
    {kOverride, "from now on|henceforth|from this",
     "\\b(?:from now on|henceforth|from this (?:point|moment) "
     "on\\w*)\\b.{0,40}\\b(?:you|known|reply|respond|answer)\\b"},
    {kOverride, "from now on", "\\b(?:called|named) \\w+ from now on\\b"},
    {kOverride, "instruction|directive|objective|orders",
     "\\b(?:new|updated|real|actual|true) (?:instructions?|objectives?|directives?|orders?)\\b "
     "?(?::|(?:is|are) (?:to|as)\\b)"},
    {kOverride, "adhere|obey|follow|execute|comply",
     "\\b(?:strictly|only|instead|immediately) (?:adhere to|obey|follow|execute|comply "
     "with)\\b.{0,30}\\b(?:instructions?|orders?|commands?)\\b"},
    {kOverride, "must", "\\byou must (?:now )?(?:obey|comply|follow (?:all|my|these))\\b"},
    {kOverride, "addition|instead",
     "\\bin(?: addition to|stead of) (?:the|your) (?:other|previous|above) instructions\\b"},
    {kOverride, "overrid|lift|remove|disable",
     "\\b(?:override|lift|remove|disable)\\b.{0,20}\\b(?:restrictions|safety "
     "(?:filters?|guidelines?|rules?)|content "
     "(?:filters?|polic(?:y|ies)))\\b.{0,15}\\b(?:of|on|your)\\b.{0,10}\\b(?:model|ai|llm|gpt|assistant|"
     "programming)\\b"},

    {kRole, "anything now|dan mode|developer mode|mode enabled|jailbreak|jail break|god mode",
     "\\b(?:do anything now|dan mode|developer mode|\\w+ mode enabled|jail ?broken|jailbreak mode|god "
     "mode)\\b"},
    {kRole, "free",
     "\\b(?:broken|break) free (?:of|from) the\\b[^.]{0,40}\\b(?:confines|limits|restrictions)\\b"},
    {kRole, "bound|limited|restricted|constrained",
     "\\b(?:is|are|am) (?:no longer|not) (?:bound|limited|restricted|constrained) by\\b"},
    {kRole, "rules|restrictions|guidelines",
     "\\b(?:does(?: not|n't)|do(?: not|n't)|don't have to) (?:follow|have|obey|abide by) (?:any|the) "
     "(?:rules|restrictions|guidelines)\\b"},
    {kRole, "without|unrestricted|unfiltered",
     "\\b(?:ai|model|assistant|chatbot) (?:without|with no) (?:any "
     ")?(?:ethics|ethical|restrictions|filters|limits|morals)\\b"},
    {kRole, "pretend",
     "\\bpretend\\b.{0,30}\\b(?:forgotten|no "
     "(?:rules|restrictions)|unrestricted|unfiltered|(?:black|gr[ae]y)-hat)\\b"},
    {kRole, "simulat", "\\bsimulate (?:an? )?(?:ai|unrestricted|evil)\\b"},

    {kDelimiter, "im_|start|end|system|user|assistant|eot_|channel", "<\\|[a-z_]{2,20}\\|>"},
    {kDelimiter, "inst]|sys>", "\\[/?INST\\]|<</?SYS>>"},
    {kDelimiter, "system>|assistant>|instructions>|instruction>|important>|information>",
     "</?(?:system|assistant|instructions?|important|information)>"},
    {kDelimiter, "###", "(?:^|\\n) ?#{2,} ?(?:system|instructions?|new task)\\b"},
    {kDelimiter, "system|assistant|developer", "(?:^|\\n|[{\\[(]) ?(?:system|assistant|developer) ?: "},
    {kDelimiter, "%%%|===|---|***",
     "(?:%%%|===|---|\\*\\*\\*) ?(?:begin|end|start|stop)\\b.{0,40}(?:%%%|===|---|\\*\\*\\*)"},
    {kDelimiter, "begin|end",
     "\\b(?:begin|end) (?:of )?(?:the )?(?:prompt|system prompt|injection)\\b ?(?:\\*\\*|--|==|\\])"},

    {kExfiltration, "prompt|instruction|password|secret|api key|confidential",
     "\\b(?:reveal|show|print|repeat|display|output|tell|leak|expose|disclose|recite|write "
     "out|give)\\b.{0,25}\\b(?:your|system|initial|hidden|secret|original|previous|internal|the "
     "above)\\b.{0,20}\\b(?:prompts?|instructions?|passwords?|secrets?|api keys?)\\b"},
    {kExfiltration, "instruction|prompt",
     "\\b(?:repeat|print|output|recite)(?: out)? (?:the|all|these|those|your)(?: above| previous)? "
     "(?:instructions|prompt)\\b"},
    {kExfiltration, "prompt|password|secret|hidden",
     "\\bwhat (?:is|are|was|were) (?:the|your) .{0,10}\\b(?:(?:system|secret|hidden|initial) "
     "?(?:prompt|instructions?|password|word|key)|password)\\b"},
    {kExfiltration, "secret|hidden",
     "\\b(?:secret|hidden) (?:word|password|key)\\b.{0,60}\\b(?:tell|reveal|know|give)\\b"},
    {kExfiltration, "told you|forbidden",
     "\\b(?:developers?|creators?) told you\\b|\\btold you not to (?:reveal|tell|say|share)\\b"},
    {kExfiltration,
     "password|credential|token|api key|secret|security code|credit card|passport|bank|private "
     "key|ssn|cookie",
     "\\b(?:send|forward|e-?mail|post|upload|transmit|exfiltrate|leak)\\b.{0,40}\\b(?:passwords?|credentials?"
     "|tokens?|api keys?|secrets?|security codes?|credit cards?|passport|bank (?:details|account)|private "
     "keys?|ssn|cookies?)\\b.{0,60}\\b(?:to|with|at)\\b"},

    {kHidden, "display|font-size|visibility", "display: ?none|font-size: ?0|visibility: ?hidden"},
    {kHidden, "<!--", "<!--.{0,160}\\b(?:ignore|assistant|instructions?|prompt|ai|llm)\\b"},

    {kAuthority, "important",
     "\\bimportant ?!{2,}|\\bthis is an? (?:very )?important (?:message|notice|instruction)"},
    {kAuthority, "you are|you're",
     "\\b(?:if|as|since|because) you(?: are|'re) an? (?:ai|llm|ai assistant|language model|automated "
     "agent)\\b"},
    {kAuthority, "before",
     "\\bbefore (?:you can solve|solving|you can complete|completing) the (?:task|original task)\\b"},
    {kAuthority, "as an ai", "\\bas an ai\\b.{0,60}\\b(?:however|but)\\b"},

    {kSteering, "response|reply|answer|message|output|summary|elucidation",
     "\\b(?:in|into|to|of|with|from|within|at|for|on|about) (?:the (?:start|beginning|end) of )?your (?:next "
     "|final )?(?:response|reply|answer|message|output|summary|elucidation)\\b"},
    {kSteering, "response|reply|answer|message|output|summary|elucidation",
     "\\b(?:add|modify|enhance|augment|change|alter|end|begin|start|encode|encrypt|reverse|translate|write|"
     "provide|render|express|include|shift|replace|misspell|scramble|compose|make|prefix|finish|rearrange|"
     "group|combine|convert|represent|display) (?:all of )?(?:your|the letters of your) "
     "(?:response|reply|answer|message|output|summary|elucidation)\\b"},
    {kSteering, "reply|respond|answer",
     "(?:^|[.\\n?!] ?)(?:reply|respond|answer)(?: only)? (?:in|using|with|as)\\b"},
    {kSteering, "can you", "\\bcan you (?:reply|respond|answer)\\b"},

    {kCode, "code",
     "\\b(?:following|below|subsequent) code (?:snippet|block|excerpt|section|fragment|segment)\\b"},

    {kToolLure, " my | our | me| me.| me,",
     "(?:^|[.!?:\\n] ?)(?:please )?(?:immediately "
     ")?(?:send|transfer|delete|grant|unlock|lock|share|update|withdraw|deposit|initiate|sell|buy|create|"
     "move|dispatch|schedule|change|redirect|guide|use|disable|enable|leave|give|add|remove|revoke|forward|"
     "pay|order|cancel|post|invite|open|turn|reset|access|retrieve|download|install|export|set|book|approve|"
     "register|publish)\\b.{0,120}\\b(?:my|our|me)\\b"},
    {kToolLure, "please",
     "(?:^|[.!?:\\n] ?)please (?:immediately "
     ")?(?:send|transfer|delete|grant|unlock|share|update|withdraw|deposit|initiate|sell|move|dispatch|"
     "schedule|change|redirect|guide|disable|leave|give|remove|revoke|pay|cancel|invite|turn|reset|download|"
     "install|export|approve)\\b"},
};

#undef TAU_OLD
#undef TAU_ANY
#undef TAU_ORDERS
#undef TAU_IGNORE

}  // namespace

std::span<const InjectionRule> injection_rules() { return kRules; }

std::string_view request_pattern() {
  return "(?:please |kindly )?(?:(?:can|could|would|will) you\\b|what(?:'s| is| are| was| were| do| does| "
         "\\w+ (?:are|is))\\b"
         "|who\\b|how (?:do|does|can|to|have|has|are|is|should|would|many|much)\\b|why\\b|where\\b|when "
         "(?:is|was|did)\\b"
         "|which\\b|is (?:this|the|it)\\b|are there\\b|do you\\b"
         "|(?:write|provide|show|explain|describe|summari[sz]e|analy[sz]e|recommend|help "
         "me|suggest|determine|classify"
         "|draft|compose|develop|translate|break down|list|give me|tell "
         "me|create|generate|find|calculate|compare"
         "|identify|convert|replace|use|remove|introduce|rewrite|say|print|repeat|output|ignore|formulate|"
         "design"
         "|outline|evaluate|discuss|define|add|include|modify|enhance|integrate|augment|apply|encode|encrypt|"
         "reverse"
         "|misspell|scramble|combine|substitute|anagram)\\b)";
}

}  // namespace tau::safety
