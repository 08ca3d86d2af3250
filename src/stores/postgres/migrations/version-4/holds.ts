import { lock, outstandingOf, watched } from "./fragments.ts";

/** Turns that have their session whether or not anything waits there, and what they take in later. */
export const holds = (s: string): string => `
-- Those who wait for a session, each with its place and its end, [1, 1735689600000]. What is no wait, or over, is none.
CREATE FUNCTION ${s}.waits_for(waiting jsonb, moment float8)
  RETURNS TABLE (claimant text, place float8, ends_at float8) LANGUAGE sql AS $$
  SELECT w.key, (w.value->>0)::float8, (w.value->>1)::float8
    FROM jsonb_each(CASE WHEN jsonb_typeof(waiting) = 'object' THEN waiting END) AS w
    WHERE CASE WHEN jsonb_typeof(w.value->0) = 'number' AND jsonb_typeof(w.value->1) = 'number'
      THEN (w.value->>1)::float8 > moment ELSE false END
$$;

-- The waits for a session when one of them is begun or, with 0, ended: who has a place keeps it.
CREATE FUNCTION ${s}.waits_with(waiting jsonb, given_claimant text, wait_ms float8, moment float8)
  RETURNS jsonb LANGUAGE sql AS $$
  WITH waits AS (SELECT * FROM ${s}.waits_for(waiting, moment)),
    next AS (
      SELECT * FROM waits w WHERE w.claimant <> given_claimant
      UNION ALL
      SELECT given_claimant, coalesce(
          (SELECT w.place FROM waits w WHERE w.claimant = given_claimant),
          (SELECT max(w.place) + 1 FROM waits w), 1), moment + wait_ms
        WHERE wait_ms > 0)
  SELECT coalesce(jsonb_object_agg(n.claimant, jsonb_build_array(n.place, n.ends_at)), '{}') FROM next n
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
  is_kept boolean;
  waits jsonb;
  had integer;
  number bigint;
BEGIN${lock(s, `${s}.session_lock(of_user, of_session)`)}
  -- Whoever settles the claim does so before this or after it.
  SELECT c.* INTO claim FROM ${s}.claims c WHERE c.user_id = of_user AND c.session = of_session FOR UPDATE;
  moment := ${s}.now_ms();
  is_held := FOUND AND claim.ends_at > moment;
  is_kept := NOT is_held AND claimant <> (
    SELECT w.claimant FROM ${s}.waits_for(claim.waiting, moment) AS w ORDER BY w.place LIMIT 1);
  waits := ${s}.waits_with(claim.waiting, claimant, CASE WHEN is_held OR is_kept THEN wait_ms ELSE 0 END, moment);
  IF waits <> claim.waiting THEN
    UPDATE ${s}.claims c SET waiting = waits,
        waited_until = coalesce((SELECT max(w.ends_at) FROM ${s}.waits_for(waits, moment) AS w), 0)
      WHERE c.user_id = of_user AND c.session = of_session;
  END IF;
  IF is_held OR is_kept THEN
    RETURN NEXT json_build_object('heldBy', CASE WHEN is_held THEN claim.turn_by END);
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
