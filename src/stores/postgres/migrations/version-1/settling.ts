/** What becomes of claimed follow-ups, and the turns that are counted with it. */
export const settling = (s: string): string => `
-- Writes the follow-up of a task that is locked by now. With a type of event there is one in the log.
CREATE FUNCTION ${s}.write_follow_up(task ${s}.tasks, event_type text, reason text) RETURNS ${s}.tasks
LANGUAGE plpgsql AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  count integer := CASE WHEN event_type IS NULL THEN 0 ELSE 1 END;
  weight integer := count * (32 + coalesce(length(reason), 0));
BEGIN
  UPDATE ${s}.tasks AS t SET
    follow_up_status = task.follow_up_status, follow_up_attempts = task.follow_up_attempts,
    follow_up_reason = task.follow_up_reason, due_at = task.due_at, is_deferred = task.is_deferred,
    shelf = ${s}.shelf_of(t.status, task.follow_up_status, t.follow_up_mode),
    user_shelf = ${s}.shelf_of(t.status, task.follow_up_status, t.follow_up_mode) || ' ' || t.user_id,
    held = CASE WHEN task.follow_up_status = 'pending' THEN t.held ELSE 0 END,
    version = t.version + 1, updated_at = moment, last_seq = t.last_seq + count, log_chars = t.log_chars + weight
  WHERE t.user_id = task.user_id AND t.id = task.id
  RETURNING t.* INTO task;
  IF count > 0 THEN
    INSERT INTO ${s}.events VALUES (task.key, task.last_seq,
      json_build_array(json_strip_nulls(json_build_object(
        'at', moment::bigint, 'type', event_type, 'reason', reason))),
      json_build_array(weight));
    IF task.log_chars > 262144 OR task.last_seq - task.first_seq >= 1000 THEN
      PERFORM ${s}.trim_log(task.user_id, task.id);
    END IF;
  END IF;
  RETURN task;
END $$;

CREATE FUNCTION ${s}.drop_follow_up(task ${s}.tasks, reason text) RETURNS ${s}.tasks LANGUAGE plpgsql AS $$
BEGIN
  task.follow_up_status := 'dropped';
  task.follow_up_reason := reason;
  RETURN ${s}.write_follow_up(task, 'follow_up.dropped', reason);
END $$;

CREATE FUNCTION ${s}.settle(task ${s}.tasks, type text, delay float8, reason text) RETURNS ${s}.tasks
LANGUAGE plpgsql AS $$
BEGIN
  IF type = 'drop' THEN
    RETURN ${s}.drop_follow_up(task, reason);
  END IF;
  IF type = 'acknowledge' THEN
    task.follow_up_status := 'delivered';
    RETURN ${s}.write_follow_up(task, 'follow_up.delivered', NULL);
  END IF;
  task.follow_up_status := 'pending';
  task.due_at := ${s}.now_ms() + coalesce(delay, 0);
  task.is_deferred := type IS DISTINCT FROM 'release';
  IF task.is_deferred THEN
    task.follow_up_attempts := task.follow_up_attempts - 1;
  END IF;
  RETURN ${s}.write_follow_up(task, NULL, NULL);
END $$;

-- First the claim, then its tasks; nothing at all if the claim has lapsed.
CREATE FUNCTION ${s}.settle_claim(given_token text, outcome json) RETURNS SETOF json LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  claim ${s}.claims;
  follow_up record;
  settled ${s}.tasks;
BEGIN
  DELETE FROM ${s}.claims c WHERE c.token = given_token AND c.ends_at > ${s}.now_ms() RETURNING c.* INTO claim;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  RETURN NEXT row_to_json(claim);
  FOR follow_up IN
    SELECT t AS task, o.type, o.delay, o.reason FROM ${s}.tasks t
    LEFT JOIN json_to_recordset(outcome) AS o(id text, type text, delay float8, reason text) ON o.id = t.id
    WHERE t.user_shelf IN ('when_idle ' || claim.user_id, 'interrupt ' || claim.user_id, 'silent ' || claim.user_id) AND t.claim = claim.token
      AND t.follow_up_status = 'claimed'
    ORDER BY t.shelf_at, t.id FOR UPDATE OF t
  LOOP
    settled := ${s}.settle(follow_up.task, follow_up.type, follow_up.delay, follow_up.reason);
    RETURN NEXT json_build_object('task', row_to_json(settled), 'watched', CASE WHEN pg_try_advisory_lock(hashtextextended('${s} watch', 0)) THEN NOT pg_advisory_unlock(hashtextextended('${s} watch', 0)) ELSE true END);
  END LOOP;
  -- Whatever was dropped in the meantime, the turn was run.
  IF claim.counts_turn AND EXISTS (
    SELECT FROM json_to_recordset(outcome) AS o(type text) WHERE o.type = 'acknowledge'
  ) THEN
    INSERT INTO ${s}.turns AS n (user_id, session, turns, counted_at)
      VALUES (claim.user_id, claim.session, 1, ${s}.now_ms())
      ON CONFLICT (user_id, session) DO UPDATE SET turns = n.turns + 1, counted_at = excluded.counted_at;
  END IF;
END $$;

-- The session is locked by now.
CREATE FUNCTION ${s}.forget_turns(of_user text, of_session text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM ${s}.turns n WHERE n.user_id = of_user AND n.session = of_session;
  UPDATE ${s}.tasks t SET held = 0
    WHERE t.user_shelf IN ('when_idle ' || of_user, 'interrupt ' || of_user, 'silent ' || of_user) AND t.session = of_session AND t.held > 0;
END $$;

CREATE FUNCTION ${s}.reset_turns(of_user text, of_session text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE 'tool-offload needs transactions that are READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
  END IF;
  IF pg_advisory_xact_lock(hashtextextended('${s}' || ${s}.session_lock(of_user, of_session), 0))::text IS NULL THEN
  END IF;
  PERFORM ${s}.forget_turns(of_user, of_session);
END $$;`;
