/** Follow-ups on their way: one session is leased at a time, with all that is due there. */
export const claims = (s: string): string => `
-- Where those follow-ups stand that are of some modes, and whose session is not known to have had so many turns.
CREATE FUNCTION ${s}.shelves(modes text[], max_turns bigint) RETURNS TABLE (shelf text, held integer)
LANGUAGE plpgsql ROWS 3 AS $$
BEGIN
  FOREACH shelf IN ARRAY modes LOOP
    held := -1;
    LOOP
      SELECT t.held INTO held FROM ${s}.tasks t WHERE t.shelf = shelves.shelf AND t.held > shelves.held
        ORDER BY t.held LIMIT 1;
      EXIT WHEN NOT FOUND OR held >= max_turns;
      RETURN NEXT;
    END LOOP;
  END LOOP;
END $$;

-- The session that has waited longest, of those that are free.
CREATE FUNCTION ${s}.oldest_due(
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
        WHERE c.user_id = t.user_id AND c.session = t.session AND c.ends_at > moment) IS NULL
      AND (passed_over = '{}' OR ${s}.session_lock(t.user_id, t.session) <> ALL (passed_over))
    ORDER BY t.shelf_at, t.id LIMIT 1
  ) AS oldest
  ORDER BY oldest.shelf_at, oldest.id LIMIT 1;
END $$;

-- The session is locked by now, and what is read here is fresh. Nothing: there is no reason to claim it.
CREATE FUNCTION ${s}.take_session(
  of_user text, of_session text, is_asked boolean, given_token text, lease float8,
  modes text[], min_age float8, max_turns bigint
) RETURNS SETOF json LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  latest float8 := CASE WHEN min_age > 0 THEN moment - min_age ELSE 'Infinity' END;
  had integer;
BEGIN
  PERFORM FROM ${s}.claims c WHERE c.user_id = of_user AND c.session = of_session AND c.ends_at > moment;
  IF FOUND THEN
    RETURN;
  END IF;
  SELECT n.turns INTO had FROM ${s}.turns n WHERE n.user_id = of_user AND n.session = of_session;
  had := coalesce(had, 0);
  IF had >= max_turns THEN
    -- Set apart, so that nobody comes by them again. Whoever resets the turns brings them back.
    UPDATE ${s}.tasks t SET held = had
      WHERE t.user_shelf IN ('when_idle ' || of_user, 'interrupt ' || of_user, 'silent ' || of_user) AND t.session = of_session AND t.held < had;
    RETURN;
  END IF;
  PERFORM FROM ${s}.tasks t WHERE t.user_shelf IN ('when_idle ' || of_user, 'interrupt ' || of_user, 'silent ' || of_user) AND t.session = of_session
    ORDER BY t.shelf_at, t.id FOR UPDATE;
  PERFORM FROM ${s}.tasks t
    WHERE t.user_shelf IN ('when_idle ' || of_user, 'interrupt ' || of_user, 'silent ' || of_user) AND t.session = of_session AND t.shelf = ANY (modes)
      AND (is_asked OR t.due_at <= moment)
    HAVING min(t.shelf_at) <= latest;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  INSERT INTO ${s}.claims AS c (user_id, session, token, ends_at, counts_turn)
    VALUES (of_user, of_session, given_token, moment + lease, max_turns IS NOT NULL)
    ON CONFLICT (user_id, session) DO UPDATE
    SET (token, ends_at, counts_turn) = (excluded.token, excluded.ends_at, excluded.counts_turn)
    WHERE c.ends_at <= moment;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE ${s}.tasks t SET follow_up_status = 'claimed', follow_up_attempts = t.follow_up_attempts + 1,
      claim = given_token, version = t.version + 1, updated_at = moment
    WHERE t.user_shelf IN ('when_idle ' || of_user, 'interrupt ' || of_user, 'silent ' || of_user) AND t.session = of_session
      AND (is_asked OR t.is_deferred OR t.due_at <= moment);
  RETURN QUERY SELECT json_build_object('turns', had, 'task', row_to_json(t), 'watched', CASE WHEN pg_try_advisory_lock(hashtextextended('${s} watch', 0)) THEN NOT pg_advisory_unlock(hashtextextended('${s} watch', 0)) ELSE true END)
    FROM ${s}.tasks t
    WHERE t.user_shelf IN ('when_idle ' || of_user, 'interrupt ' || of_user, 'silent ' || of_user) AND t.claim = given_token
    ORDER BY t.shelf_at, t.id;
END $$;

CREATE FUNCTION ${s}.claim_session(
  given_token text, lease float8, of_user text, of_session text, modes text[], min_age float8, max_turns bigint
) RETURNS SETOF json LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  passed_over text[] := '{}';
  lock text;
BEGIN
  IF of_user IS NOT NULL THEN
    
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE 'tool-offload needs transactions that are READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
  END IF;
  IF pg_advisory_xact_lock(hashtextextended('${s}' || ${s}.session_lock(of_user, of_session), 0))::text IS NULL THEN
  END IF;
    RETURN QUERY SELECT * FROM ${s}.take_session(
      of_user, of_session, true, given_token, lease, modes, min_age, max_turns);
    RETURN;
  END IF;
  -- Whoever comes by so many in vain has set them apart, or left them to others who claim right now.
  WHILE cardinality(passed_over) < 200 LOOP
    SELECT * INTO of_user, of_session FROM ${s}.oldest_due(modes, min_age, max_turns, passed_over);
    EXIT WHEN of_user IS NULL;
    lock := ${s}.session_lock(of_user, of_session);
    -- A session that another is about to claim is passed over, not waited for.
    IF ${s}.try_lock(lock) THEN
      RETURN QUERY SELECT * FROM ${s}.take_session(
        of_user, of_session, false, given_token, lease, modes, min_age, max_turns);
      IF FOUND THEN
        RETURN;
      END IF;
    END IF;
    passed_over := passed_over || lock;
  END LOOP;
END $$;`;
