/**
 * What the well-known tokens begin with, which are secrets wherever they stand. A scanner asks for their whole length;
 * here a shortened one is masked too.
 */
export const TOKEN_BEGINNINGS = [
  // GitHub, GitLab, Slack, Stripe, OpenAI and Anthropic, Groq
  "gh[oprsu]_|github_pat_|gl[a-z]{1,4}t-|xox[a-z][.-]|xapp-|[prs]k_(?:live|test)_|whsec_|sk-|gsk_",
  // Google, AWS, Vault, DigitalOcean, npm, PyPI, Hugging Face, SendGrid, Telegram, Shopify, Atlassian, a bcrypt hash
  "AIza|ya29\\.|GOCSPX-|A[KS]IA|hvs\\.|do[opr]_v1_|npm_|pypi-|hf_|SG\\.|(?:bot)?\\d{6,12}:AA|shp[a-z]{2}_|ATATT3|\\$2[aby]\\$",
  // Linear, Figma, Square, Mailgun, Databricks
  "lin_api_|figd_|sq0[a-z]{3}-|(?:key-|dapi)(?=[\\da-f]{32})",
];

/** What follows: it has a digit, or goes on for long. */
export const TOKEN_REST = "(?:(?=[\\w-]{0,40}[\\d$])[\\w.~+/$-]{8,}=*|[A-Za-z]{20,})";

/** A JWT. Where a longer word begins earlier, it was looked at from there. */
export const JWT = "(?<![\\w-])eyJ[\\w-]{6,}\\.[\\w.-]+";
