import { lock, UNFINISHED, watched } from "./fragments.ts";

/** Version 3's, with holds and idempotency keys. */
export const insert = (s: string): string => `
-- The outcome, whether anybody listens, and the task that was there before, if that is the outcome.
CREATE OR REPLACE FUNCTION ${s}.insert_task(
  given json, input text, lease float8, events text, weights text,
  per_user bigint, per_session bigint, queued bigint, exclusive boolean
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  new ${s}.tasks := json_populate_record(NULL::${s}.tasks, given);
  is_running boolean := new.status = 'running';
  is_finished boolean := NOT is_running AND new.status NOT IN ${UNFINISHED};
  answer json;
  refusal text;
BEGIN
  -- All that inserts or admits a task of this user waits here, so that none counts what another is about to add.${lock(s, "'user ' || new.user_id")}
  IF new.idempotency_key IS NOT NULL THEN
    SELECT json_build_object('outcome', 'repeated', 'task', row_to_json(t)) INTO answer FROM ${s}.tasks t
      WHERE t.user_id = new.user_id AND t.idempotency_key = new.idempotency_key;
  END IF;
  IF answer IS NULL AND new.duplicate_key IS NOT NULL THEN
    SELECT json_build_object('outcome', 'duplicate', 'task', row_to_json(t)) INTO answer FROM ${s}.tasks t
      WHERE t.user_shelf IN ('queued ' || new.user_id, 'running ' || new.user_id, 'input_required ' || new.user_id)
        AND t.duplicate_key = new.duplicate_key AND t.cancel IS NULL
      LIMIT 1;
  END IF;
  IF exclusive OR NOT is_running THEN
    refusal := ${s}.waiting_limit_met(new, queued, exclusive);
  END IF;
  IF is_running AND refusal IS NULL AND (per_user IS NOT NULL OR per_session IS NOT NULL) THEN
    refusal := (
    SELECT CASE
      WHEN count(*) >= per_user THEN 'running_per_user'
      WHEN count(*) FILTER (WHERE t.session = new.session) >= per_session AND new.session <> ''
        THEN 'running_per_session' END
    FROM ${s}.tasks t WHERE t.user_shelf = 'running ' || new.user_id);
  END IF;
  IF answer IS NULL AND refusal IS NULL THEN
    new.shelf := ${s}.shelf_of(new.status, new.follow_up_status, new.follow_up_mode);
    INSERT INTO ${s}.tasks (
      user_id, id, session, shelf, user_shelf, shelf_at, details, status, version, owner, runs, duplicate_key,
      created_at, started_at, updated_at, completed_at, deadline_at, progress, error, cancel,
      follow_up_status, follow_up_mode, follow_up_attempts, follow_up_holds, follow_up_reason,
      first_seq, last_seq, log_chars, lease_ms, has_payload, idempotency_key
    ) VALUES (
      new.user_id, new.id, new.session, new.shelf, new.shelf || ' ' || new.user_id,
      ${s}.now_ms() + CASE WHEN is_finished THEN 0 ELSE lease END,
      new.details, new.status, new.version, new.owner, new.runs, new.duplicate_key,
      new.created_at, new.started_at, new.updated_at, new.completed_at, new.deadline_at,
      new.progress, new.error, new.cancel,
      new.follow_up_status, new.follow_up_mode, new.follow_up_attempts, new.follow_up_holds,
      new.follow_up_reason,
      new.first_seq, new.last_seq, new.log_chars, lease, input IS NOT NULL AND NOT is_finished,
      new.idempotency_key
    ) ON CONFLICT DO NOTHING
    RETURNING key, json_build_object('outcome', 'inserted', 'watched', ${watched(s)}) INTO new.key, answer;
    IF answer IS NOT NULL THEN
      IF events IS NOT NULL THEN
        INSERT INTO ${s}.events VALUES (new.key, new.last_seq, events, weights);
        IF new.log_chars > 262144 OR new.last_seq - new.first_seq >= 1000 THEN
          PERFORM ${s}.trim_log(new.user_id, new.id);
        END IF;
      END IF;
      IF input IS NOT NULL AND NOT is_finished THEN
        INSERT INTO ${s}.payloads VALUES (new.key, input);
      END IF;
      RETURN answer;
    END IF;
  END IF;
  -- Whatever stands in its way, a task that is there already is answered.
  RETURN coalesce(
    (SELECT json_build_object('outcome', 'known', 'task', row_to_json(t)) FROM ${s}.tasks t
      WHERE t.user_id = new.user_id AND t.id = new.id),
    answer, json_build_object('outcome', refusal));
END $$;`;
