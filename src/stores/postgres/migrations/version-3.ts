/**
 * A task is filed by when it has ended by the database's clock: what its process says of that is only shown. Both
 * functions are those of version 1, but for that.
 */
export const version3 = (s: string): string => `
CREATE OR REPLACE FUNCTION ${s}.change_task(
  of_user text, of_id text, at_version bigint, patch json,
  new_progress text, events text, weights text, count integer, chars integer,
  result_about text, result_head text, result_tail text, starts_lease boolean
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  changed_key bigint;
  seq integer;
  has_more boolean;
  answer json;
BEGIN
  UPDATE ${s}.tasks AS t SET (
      status, owner, runs, started_at, completed_at, deadline_at, error, cancel,
      follow_up_status, follow_up_mode, follow_up_attempts, follow_up_reason, held, shelf, user_shelf, shelf_at
    ) = (SELECT p.status, p.owner, p.runs, p.started_at, p.completed_at, p.deadline_at, p.error, p.cancel,
      p.follow_up_status, p.follow_up_mode, p.follow_up_attempts, p.follow_up_reason,
      CASE WHEN p.follow_up_status IN ('pending', 'claimed') THEN p.held ELSE 0 END,
      ${s}.shelf_of(p.status, p.follow_up_status, p.follow_up_mode),
      ${s}.shelf_of(p.status, p.follow_up_status, p.follow_up_mode) || ' ' || p.user_id,
      CASE WHEN t.status NOT IN ('queued', 'running', 'input_required') THEN t.shelf_at
        WHEN p.status NOT IN ('queued', 'running', 'input_required') THEN moment
        WHEN starts_lease THEN moment + t.lease_ms ELSE t.shelf_at END
      FROM json_populate_record(t, patch) AS p),
    version = t.version + 1,
    updated_at = moment,
    progress = coalesce(new_progress, t.progress),
    last_seq = t.last_seq + count,
    log_chars = t.log_chars + chars
  WHERE t.user_id = of_user AND t.id = of_id AND t.version = at_version
  RETURNING t.key, t.last_seq, t.has_payload OR t.log_chars > 262144 OR t.last_seq - t.first_seq >= 1000,
    json_build_object('task', row_to_json(t), 'watched', CASE WHEN pg_try_advisory_lock(hashtextextended('${s} watch', 0)) THEN NOT pg_advisory_unlock(hashtextextended('${s} watch', 0)) ELSE true END)
  INTO changed_key, seq, has_more, answer;
  IF answer IS NULL THEN
    RETURN NULL;
  END IF;
  IF events IS NOT NULL THEN
    INSERT INTO ${s}.events VALUES (changed_key, seq, events, weights);
  END IF;
  IF result_about IS NOT NULL THEN
    INSERT INTO ${s}.results AS r VALUES (changed_key, result_about, result_head, result_tail)
      ON CONFLICT (task_key) DO UPDATE SET (about, head, tail) = (excluded.about, excluded.head, excluded.tail);
  END IF;
  IF has_more THEN
    PERFORM ${s}.tidy(of_user, of_id);
  END IF;
  RETURN answer;
END $$;

-- The outcome, whether anybody listens, and the task that was there before, if that is the outcome.
CREATE OR REPLACE FUNCTION ${s}.insert_task(
  given json, input text, lease float8, events text, weights text,
  per_user bigint, per_session bigint, queued bigint, exclusive boolean
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  new ${s}.tasks := json_populate_record(NULL::${s}.tasks, given);
  is_running boolean := new.status = 'running';
  is_finished boolean := NOT is_running AND new.status NOT IN ('queued', 'running', 'input_required');
  answer json;
  refusal text;
BEGIN
  -- All that inserts or admits a task of this user waits here, so that none counts what another is about to add.
  
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE 'tool-offload needs transactions that are READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
  END IF;
  IF pg_advisory_xact_lock(hashtextextended('${s}' || 'user ' || new.user_id, 0))::text IS NULL THEN
  END IF;
  IF new.duplicate_key IS NOT NULL THEN
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
      follow_up_status, follow_up_mode, follow_up_attempts, follow_up_reason,
      first_seq, last_seq, log_chars, lease_ms, has_payload
    ) VALUES (
      new.user_id, new.id, new.session, new.shelf, new.shelf || ' ' || new.user_id,
      ${s}.now_ms() + CASE WHEN is_finished THEN 0 ELSE lease END,
      new.details, new.status, new.version, new.owner, new.runs, new.duplicate_key,
      new.created_at, new.started_at, new.updated_at, new.completed_at, new.deadline_at,
      new.progress, new.error, new.cancel,
      new.follow_up_status, new.follow_up_mode, new.follow_up_attempts, new.follow_up_reason,
      new.first_seq, new.last_seq, new.log_chars, lease, input IS NOT NULL AND NOT is_finished
    ) ON CONFLICT DO NOTHING
    RETURNING key, json_build_object('outcome', 'inserted', 'watched', CASE WHEN pg_try_advisory_lock(hashtextextended('${s} watch', 0)) THEN NOT pg_advisory_unlock(hashtextextended('${s} watch', 0)) ELSE true END) INTO new.key, answer;
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
