/**
 * What the names of secrets are made of, as sources of regular expressions. They are matched against the words of a
 * name in lower case, with one "_" before, between and after them: `dbPassword` is `_db_password_`.
 */

/** Whose key is a secret. A key of anything else may be one of a table. */
const KEYS_OF =
  "access|account|admin|aes|api|app|auth|aws|azure|backup|cert|client|consumer|crypto|deploy|(?:en|de)cryption|enc|" +
  "functions|github|google|gpg|hmac|hook|kms|licen[cs]e|master|openai|pass|pgp|priv|private|recovery|role|root|rsa|secret|" +
  "security|server|service|session|shared|sign|signature|signing|ssh|ssl|storage|stripe|subscription|tls|vault|wallet";

/** Secret, unless {@link HARMLESS} says otherwise. */
export const SECRET =
  "pass_?w[o0]?r?[dt]|pass_?(?:phrase|code)|(?<!com|by|tres|sur)pass\\d*_$|ps?wd?\\d*_|_pword_|secret|token|jwt|bearer|" +
  "credential|_creds?_|cookies?_|[cx]srf|(?:j|php|asp)sess(?:ion)?id_|connect_sid_|psk_|_id_rsa_|pem_$|_pat_$|" +
  `(?:${KEYS_OF})_?keys?\\d*_|auth(?:orization)?_(?:$|code|data|hash|header|string|value)|` +
  "(?:fa|access|activation|auth|backup|confirmation|device|factor|login|recovery|reset|security|sms|time|verification)_?codes?_|" +
  "otps?_|^_(?:\\w+_)?pin_(?:code_)?$|_s(?:as|ig)_$|signature_$|hmac_$|cv[vc]\\d?_|_csc_|(?<!dis)card_?n(?:um|o_)|credit_?card_$|" +
  "_cc_?num|_ssn_|answer_$|mnemonic|(?:seed|recovery)_?(?:phrase|words)|xprv|_dsn_|conn(?:ection)?_?str(?:ing)?s?_";

/** Secret, whatever its last word. */
export const SECRET_IN_FULL =
  "access_?key_?id_$|secret_?id_$|(?:hook|sas|signed|database|db|mongo(?:db)?|redis|postgres|mysql|amqp)_?ur[il]_$";

/** They have the words of a secret, and only sound like one or tell something about it. */
export const HARMLESS =
  "secretar|_?less_|token_?i[sz]|_(?:has|is|are|needs|requires?|uses|show|hide|allow|enable|accepts?|forgot)_|" +
  // Counted, not shown.
  "^_(?:no|num|use|with)_|(?:max|min|num|total)_?(?:[a-z]{1,20}_){0,2}tokens?_|_tokens?_(?:per|in|out)_|" +
  "(?:prompt|completion|input|output|cached|reasoning|text|audio|new)_?tokens_|" +
  // Where to go on, and what a model, a page or a circuit calls so.
  "(?:page|next|continuation|sync|start|pad|[be]os|stop|design|unexpected)_?tokens?_|" +
  "_(?:boarding|first|test)_pass_|_(?:e?mail|function|type)_signature_|_(?:gpio|map)_pin_|_ca_pem_";

/** The last word of a name that says something about a secret; or of a file, whose line is told: `token.ts:12`. */
export const HARMLESS_ENDS =
  "types?|kind|counts?|limits?|budget|usage|used|size|length|index|names?|polic(?:y|ies)|strength|expir\\w*|ttl|at|age|" +
  "lifetime|urls?|endpoint|paths?|files?|fields?|label|format|algorithm|version|provider|methods?|mode|status|enabled|" +
  "required|remaining|left|total|manager|ids?|arn|ref|prefix|generator|updated|set|consent|banner|address|symbol|" +
  "options|allowed|hint|[cm]?[jt]sx?|py|go|ya?ml";
