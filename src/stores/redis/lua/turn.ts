import { number, text, WRITER } from "./arguments.ts";
import { REFILING } from "./changing.ts";
import { CLAIMS } from "./claims.ts";
import { script } from "./script.ts";
import { SESSIONS } from "./sessions.ts";

export const PROLONG = script({
  does: "Begins the lease of a claim anew.",
  takes: [
    text("session", "its name"),
    text("token", "that of the claim"),
    number("lease_ms", "how long it lasts from now on"),
  ],
  returns: "why its turn is asked to stop as JSON, or false if it is not; false alone: the claim is over",
  uses: [...REFILING, ...CLAIMS],
  body: `
local claim = current_claim(session, token)
if not claim then return false end
redis.call('ZADD', key('claims'), now + lease_ms, session)
return { claim.stop or false }
`,
});

export const STOP_TURN = script({
  does: "Asks whoever has a session to stop.",
  takes: [
    ...WRITER,
    text("session", "its name"),
    text("reason", "as JSON"),
    text("only", "whose turn it must be; '' is anybody's"),
    text("stop_hint", "what others are told"),
  ],
  returns: "hints; false: nobody has it, or a turn of another kind",
  uses: [...REFILING, ...CLAIMS],
  body: `
end_if_lapsed(session)
local claim = claim_of(session)
if not is_held(claim) or (only ~= '' and claim.by ~= only) then return false end
redis.call('HSET', key('claim', session), 'stop', reason)
told[1] = stop_hint
return { told }
`,
});

export const RESET_TURNS = script({
  does: "Counts the turns of a session from 0 again.",
  takes: [text("session", "its name")],
  returns: "'1'",
  uses: [SESSIONS],
  body: `
reset_turns(session)
return '1'
`,
});
