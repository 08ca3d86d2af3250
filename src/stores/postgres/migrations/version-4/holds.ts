import { lock, outstandingOf, watched } from "./fragments.ts";

/** Turns that have their session whether or not anything waits there, and what they take in later. */
export const holds = (s: string): string => `
-- Those who wait for a session, but for one, whose waits are not over. What is no wait is none.
CREATE FUNCTION ${s}.others_waiting(waiting jsonb, claimant text, moment float8) RETURNS jsonb LANGUAGE sql AS $$
  SELECT coalesce(jsonb_object_agg(w.key, w.value), '{}')
    FROM jsonb_each(CASE WHEN jsonb_typeof(waiting) = 'object' THEN waiting END) AS w
    WHERE w.key <> claimant AND CASE WHEN jsonb_typeof(w.value) = 'number' THEN w.value::float8 > moment ELSE false END
$$;

-- Who has the session; or else the turn that has begun, and then what it has taken.
CREATE FUNCTION ${s}.hold_session(
  given_token text, lease float8, of_user text, of_session text, given_by text,
  takes boolean, max_holds integer, claimant text, wait_ms float8
) RETURNS SETOF json LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  moment float8;
  claim ${s}.claims;
  is_held boolean;
  waits jsonb;
  had integer;
  number bigint;
BEGIN${lock(s, `${s}.session_lock(of_user, of_session)`)}
  -- Whoever settles the claim does so before this or after it.
  SELECT c.* INTO claim FROM ${s}.claims c WHERE c.user_id = of_user AND c.session = of_session FOR UPDATE;
  moment := ${s}.now_ms();
  is_held := FOUND AND claim.ends_at > moment;
  waits := ${s}.others_waiting(claim.waiting, claimant, moment);
  IF is_held AND wait_ms > 0 THEN
    waits := waits || jsonb_build_object(claimant, moment + wait_ms);
  END IF;
  IF waits <> claim.waiting THEN
    UPDATE ${s}.claims c SET waiting = waits,
        waited_until = coalesce((SELECT max(w.value::float8) FROM jsonb_each(waits) AS w), 0)
      WHERE c.user_id = of_user AND c.session = of_session;
  END IF;
  IF is_held THEN
    RETURN NEXT json_build_object('heldBy', claim.turn_by);
    RETURN;
  END IF;
  IF given_by = 'user' THEN
    PERFORM ${s}.forget_turns(of_user, of_session);
  END IF;
  SELECT n.turns INTO had FROM ${s}.turns n WHERE n.user_id = of_user AND n.session = of_session;
  had := coalesce(had, 0);
  number := ${s}.begin_turn(of_user, of_session, given_token, lease, given_by, false);
  RETURN NEXT json_build_object('turns', had, 'number', number);
  IF takes THEN
    RETURN QUERY SELECT * FROM ${s}.take_follow_ups(
      of_user, of_session, given_token, false, true, max_holds, had, number);
  END IF;
END $$;

-- The claim, and then what was taken into it; nothing at all if the claim has lapsed.
CREATE FUNCTION ${s}.extend_claim(given_token text, modes text[], max_holds integer) RETURNS SETOF json
LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  claim ${s}.claims;
  by_library boolean;
BEGIN
  SELECT c.* INTO claim FROM ${s}.claims c WHERE c.token = given_token AND c.ends_at > moment FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  RETURN NEXT json_build_object('turn_by', claim.turn_by);
  by_library := claim.turn_by = 'library';
  PERFORM FROM ${s}.tasks t
    WHERE t.user_shelf IN ${outstandingOf("claim.user_id")} AND t.session = claim.session AND t.shelf = ANY (modes)
      AND (t.follow_up_status = 'pending' OR t.claim IS DISTINCT FROM given_token)
      AND (NOT by_library OR t.is_deferred OR t.due_at <= moment)
      AND (by_library OR coalesce(t.follow_up_holds, 0) < max_holds);
  IF FOUND THEN
    RETURN QUERY SELECT * FROM ${s}.take_follow_ups(
      claim.user_id, claim.session, given_token, by_library, NOT by_library, max_holds, NULL, NULL);
  END IF;
END $$;

-- Whether anybody listens; nothing if there is no such turn.
CREATE FUNCTION ${s}.stop_turn(of_user text, of_session text, reason text, only_by text) RETURNS SETOF json
LANGUAGE plpgsql ROWS 1 AS $$
BEGIN
  UPDATE ${s}.claims c SET stop = reason
    WHERE c.user_id = of_user AND c.session = of_session AND c.ends_at > ${s}.now_ms()
      AND (only_by IS NULL OR c.turn_by = only_by);
  IF FOUND THEN
    RETURN NEXT json_build_object('watched', ${watched(s)});
  END IF;
END $$;`;
