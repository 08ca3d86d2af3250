import { outstandingOf, watched } from "./fragments.ts";

/** Version 1's, with holds beside attempts, and with claims that are settled in part. */
export const settling = (s: string): string => `
-- Writes the follow-up of a task that is locked by now. With a type of event there is one in the log.
CREATE OR REPLACE FUNCTION ${s}.write_follow_up(task ${s}.tasks, event_type text, reason text) RETURNS ${s}.tasks
LANGUAGE plpgsql AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  count integer := CASE WHEN event_type IS NULL THEN 0 ELSE 1 END;
  weight integer := count * (32 + coalesce(length(reason), 0));
BEGIN
  UPDATE ${s}.tasks AS t SET
    follow_up_status = task.follow_up_status, follow_up_attempts = task.follow_up_attempts,
    follow_up_holds = task.follow_up_holds, follow_up_reason = task.follow_up_reason,
    due_at = task.due_at, is_deferred = task.is_deferred,
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

DROP FUNCTION ${s}.settle(${s}.tasks, text, float8, text);
CREATE FUNCTION ${s}.settle(task ${s}.tasks, type text, delay float8, reason text, by_library boolean) RETURNS ${s}.tasks
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
  IF task.is_deferred AND by_library THEN
    task.follow_up_attempts := task.follow_up_attempts - 1;
  ELSIF task.is_deferred THEN
    task.follow_up_holds := coalesce(task.follow_up_holds, 0) - 1;
  END IF;
  RETURN ${s}.write_follow_up(task, NULL, NULL);
END $$;

-- First the claim, then what was settled of it; nothing at all if the claim has lapsed. Those of 0.1.0 keep nothing.
DROP FUNCTION ${s}.settle_claim(text, json);
CREATE FUNCTION ${s}.settle_claim(given_token text, outcome json, keeps boolean DEFAULT false) RETURNS SETOF json
LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  claim ${s}.claims;
  follow_up record;
  settled ${s}.tasks;
BEGIN
  UPDATE ${s}.claims c SET ends_at = CASE WHEN keeps THEN c.ends_at ELSE 0 END
    WHERE c.token = given_token AND c.ends_at > moment RETURNING c.* INTO claim;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  RETURN NEXT json_build_object('awaited', NOT keeps AND claim.waited_until > moment, 'watched', ${watched(s)});
  FOR follow_up IN
    SELECT t AS task, o.type, o.delay, o.reason FROM ${s}.tasks t
    LEFT JOIN json_to_recordset(outcome) AS o(id text, type text, delay float8, reason text) ON o.id = t.id
    WHERE t.user_shelf IN ${outstandingOf("claim.user_id")} AND t.claim = claim.token
      AND t.follow_up_status = 'claimed' AND (NOT keeps OR o.id IS NOT NULL)
    ORDER BY t.shelf_at, t.id FOR UPDATE OF t
  LOOP
    settled := ${s}.settle(
      follow_up.task, follow_up.type, follow_up.delay, follow_up.reason, claim.turn_by = 'library');
    RETURN NEXT json_build_object('task', row_to_json(settled), 'watched', ${watched(s)});
  END LOOP;
  -- Whatever was dropped in the meantime, the turn was run.
  IF claim.counts_turn AND EXISTS (
    SELECT FROM json_to_recordset(outcome) AS o(type text) WHERE o.type = 'acknowledge'
  ) THEN
    INSERT INTO ${s}.turns AS n (user_id, session, turns, counted_at)
      VALUES (claim.user_id, claim.session, 1, moment)
      ON CONFLICT (user_id, session) DO UPDATE SET turns = n.turns + 1, counted_at = excluded.counted_at;
    IF keeps THEN
      UPDATE ${s}.claims c SET counts_turn = false WHERE c.token = given_token;
    END IF;
  END IF;
END $$;`;
