/** Changing a task: transitions, admission, reports. */
export const change = (s: string): string => `
CREATE FUNCTION ${s}.change_task(
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
      CASE WHEN p.status NOT IN ('queued', 'running', 'input_required') THEN coalesce(p.completed_at, 0)
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

CREATE FUNCTION ${s}.admit_task(
  of_user text, of_id text, at_version bigint, patch json,
  new_progress text, events text, weights text, count integer, chars integer,
  result_about text, result_head text, result_tail text,
  per_user bigint, per_session bigint
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  of_session text;
  refusal text;
BEGIN
  
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE 'tool-offload needs transactions that are READ COMMITTED.' USING ERRCODE = 'feature_not_supported';
  END IF;
  IF pg_advisory_xact_lock(hashtextextended('${s}' || 'user ' || of_user, 0))::text IS NULL THEN
  END IF;
  SELECT t.session INTO of_session FROM ${s}.tasks t
    WHERE t.user_id = of_user AND t.id = of_id AND t.version = at_version;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  refusal := (
    SELECT CASE
      WHEN count(*) >= per_user THEN 'running_per_user'
      WHEN count(*) FILTER (WHERE t.session = of_session) >= per_session AND of_session <> ''
        THEN 'running_per_session' END
    FROM ${s}.tasks t WHERE t.user_shelf = 'running ' || of_user);
  IF refusal IS NOT NULL THEN
    RETURN json_build_object('refusal', refusal);
  END IF;
  RETURN ${s}.change_task(of_user, of_id, at_version, patch, new_progress,
    events, weights, count, chars, result_about, result_head, result_tail, true);
END $$;

CREATE FUNCTION ${s}.append_events(
  of_user text, of_id text, of_owner text,
  new_progress text, events text, weights text, count integer, chars integer
) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
  changed_key bigint;
  seq integer;
  has_more boolean;
  answer json;
BEGIN
  UPDATE ${s}.tasks AS t SET
    updated_at = ${s}.now_ms(),
    progress = coalesce(new_progress, t.progress),
    last_seq = t.last_seq + count,
    log_chars = t.log_chars + chars
  WHERE t.user_id = of_user AND t.id = of_id AND t.owner = of_owner AND t.shelf IN ('queued', 'running', 'input_required')
  RETURNING t.key, t.last_seq, t.log_chars > 262144 OR t.last_seq - t.first_seq >= 1000,
    json_build_object('task', json_build_object('session', t.session, 'status', t.status, 'last_seq', t.last_seq),
      'watched', CASE WHEN pg_try_advisory_lock(hashtextextended('${s} watch', 0)) THEN NOT pg_advisory_unlock(hashtextextended('${s} watch', 0)) ELSE true END)
  INTO changed_key, seq, has_more, answer;
  IF events IS NOT NULL AND changed_key IS NOT NULL THEN
    INSERT INTO ${s}.events VALUES (changed_key, seq, events, weights);
    IF has_more THEN
      PERFORM ${s}.tidy(of_user, of_id);
    END IF;
  END IF;
  RETURN answer;
END $$;`;
