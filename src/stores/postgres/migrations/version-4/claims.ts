import { outstandingOf, watched } from "./fragments.ts";

/** Leasing a session because of what is due there. The functions with names of version 1 are those, but for the turn. */
export const claims = (s: string): string => `
-- The session that has waited longest, of those that are free, and for which nobody waits.
CREATE OR REPLACE FUNCTION ${s}.oldest_due(
  modes text[], min_age float8, max_turns bigint, passed_over text[], OUT of_user text, OUT of_session text
) LANGUAGE plpgsql AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  latest float8 := CASE WHEN min_age > 0 THEN moment - min_age ELSE 'Infinity' END;
BEGIN
  SELECT oldest.user_id, oldest.session INTO of_user, of_session
  FROM ${s}.shelves(modes, max_turns) AS place CROSS JOIN LATERAL (
    SELECT t.user_id, t.session, t.shelf_at, t.id FROM ${s}.tasks t
    WHERE t.shelf = place.shelf AND t.held = place.held AND t.shelf_at <= latest AND t.due_at <= moment
      AND (SELECT c.token FROM ${s}.claims c
        WHERE c.user_id = t.user_id AND c.session = t.session
          AND greatest(c.ends_at, c.waited_until) > moment) IS NULL
      AND (passed_over = '{}' OR ${s}.session_lock(t.user_id, t.session) <> ALL (passed_over))
    ORDER BY t.shelf_at, t.id LIMIT 1
  ) AS oldest
  ORDER BY oldest.shelf_at, oldest.id LIMIT 1;
END $$;

-- Leases a session that is locked by now. The number of the turn, or null: another has the session.
CREATE FUNCTION ${s}.begin_turn(
  of_user text, of_session text, given_token text, lease float8, given_by text, counts boolean
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  given_number bigint;
BEGIN
  INSERT INTO ${s}.claims AS c (user_id, session, token, ends_at, counts_turn, turn_by, number)
    VALUES (of_user, of_session, given_token, moment + lease, counts, given_by, moment)
    ON CONFLICT (user_id, session) DO UPDATE
    SET (token, ends_at, counts_turn, turn_by, stop, number) = (excluded.token, excluded.ends_at,
      excluded.counts_turn, excluded.turn_by, NULL, greatest(c.number + 1, excluded.number))
    WHERE c.ends_at <= moment
    RETURNING c.number INTO given_number;
  RETURN given_number;
END $$;

-- Takes into a turn what is pending in its session: all of it, or what is due and what was deferred.
CREATE FUNCTION ${s}.take_follow_ups(
  of_user text, of_session text, given_token text, by_library boolean, is_all boolean, max_holds integer,
  turns integer, number bigint
) RETURNS SETOF json LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  moment float8 := ${s}.now_ms();
BEGIN
  RETURN QUERY WITH taken AS (
    UPDATE ${s}.tasks t SET follow_up_status = 'claimed', claim = given_token,
        follow_up_attempts = t.follow_up_attempts + by_library::integer,
        follow_up_holds = CASE WHEN by_library THEN t.follow_up_holds ELSE coalesce(t.follow_up_holds, 0) + 1 END,
        version = t.version + 1, updated_at = moment
      WHERE t.user_shelf IN ${outstandingOf("of_user")} AND t.session = of_session
        AND (t.follow_up_status = 'pending' OR t.claim IS DISTINCT FROM given_token)
        AND (is_all OR t.is_deferred OR t.due_at <= moment)
        AND (by_library OR coalesce(t.follow_up_holds, 0) < max_holds)
      RETURNING t.*
  ), seen AS (
    SELECT taken.*, taken.has_result AND (
      SELECT r.task_key FROM ${s}.results r WHERE r.task_key = taken.key) IS NULL AS lacks_result FROM taken
  ) SELECT json_build_object('turns', turns, 'number', number, 'task', row_to_json(seen), 'watched', ${watched(s)})
    FROM seen ORDER BY seen.shelf_at, seen.id;
END $$;

-- The session is locked by now, and what is read here is fresh. Nothing: there is no reason to claim it.
CREATE OR REPLACE FUNCTION ${s}.take_session(
  of_user text, of_session text, is_asked boolean, given_token text, lease float8,
  modes text[], min_age float8, max_turns bigint
) RETURNS SETOF json LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  latest float8 := CASE WHEN min_age > 0 THEN moment - min_age ELSE 'Infinity' END;
  had integer;
  number bigint;
BEGIN
  PERFORM FROM ${s}.claims c
    WHERE c.user_id = of_user AND c.session = of_session AND greatest(c.ends_at, c.waited_until) > moment;
  IF FOUND THEN
    RETURN;
  END IF;
  SELECT n.turns INTO had FROM ${s}.turns n WHERE n.user_id = of_user AND n.session = of_session;
  had := coalesce(had, 0);
  IF had >= max_turns THEN
    -- Set apart, so that nobody comes by them again. Whoever resets the turns brings them back.
    UPDATE ${s}.tasks t SET held = had
      WHERE t.user_shelf IN ${outstandingOf("of_user")} AND t.session = of_session AND t.held < had;
    RETURN;
  END IF;
  PERFORM FROM ${s}.tasks t WHERE t.user_shelf IN ${outstandingOf("of_user")} AND t.session = of_session
    ORDER BY t.shelf_at, t.id FOR UPDATE;
  PERFORM FROM ${s}.tasks t
    WHERE t.user_shelf IN ${outstandingOf("of_user")} AND t.session = of_session AND t.shelf = ANY (modes)
      AND (is_asked OR t.due_at <= moment)
    HAVING min(t.shelf_at) <= latest;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  number := ${s}.begin_turn(of_user, of_session, given_token, lease, 'library', max_turns IS NOT NULL);
  IF number IS NOT NULL THEN
    RETURN QUERY SELECT * FROM ${s}.take_follow_ups(
      of_user, of_session, given_token, true, is_asked, NULL, had, number);
  END IF;
END $$;`;
