/**
 * What the other functions are made of: time, locks, indexes and logs. Those that answer rows are declared to
 * answer few: with the thousand that PostgreSQL expects, plans look so dear that it compiles them at each call.
 */
export const basics = (s: string): string => `
-- The clock counts microseconds, which a float carries only roughly: the half of one is added before rounding.
CREATE FUNCTION ${s}.now_ms() RETURNS float8 LANGUAGE sql AS $$
  SELECT floor(date_part('epoch', clock_timestamp()) * 1000 + 0.0005)
$$;

CREATE FUNCTION ${s}.try_lock(name text) RETURNS boolean LANGUAGE sql AS $$
  SELECT pg_try_advisory_xact_lock(hashtextextended('${s}' || name, 0))
$$;

CREATE FUNCTION ${s}.session_lock(user_id text, session text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT 'session ' || length(user_id) || user_id || session
$$;

CREATE FUNCTION ${s}.shelf_of(status text, follow_up_status text, follow_up_mode text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN status IN ('queued', 'running', 'input_required') THEN status
    WHEN follow_up_status IN ('pending', 'claimed') THEN coalesce(follow_up_mode, 'silent')
    ELSE 'done' END
$$;

-- Lets the oldest events go until the ring is full and no more; the newest stays, however long it is.
CREATE FUNCTION ${s}.trim_log(of_user text, of_id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  task ${s}.tasks;
  batch record;
  weight integer;
  seq integer;
BEGIN
  SELECT * INTO task FROM ${s}.tasks t WHERE t.user_id = of_user AND t.id = of_id;
  <<batches>>
  FOR batch IN
    SELECT e.last_seq, e.weights::json AS weights FROM ${s}.events e WHERE e.task_key = task.key ORDER BY e.last_seq
  LOOP
    seq := batch.last_seq - json_array_length(batch.weights);
    FOR weight IN SELECT json_array_elements_text(batch.weights) LOOP
      seq := seq + 1;
      CONTINUE WHEN seq < task.first_seq;
      EXIT batches WHEN seq = task.last_seq
        OR (task.log_chars <= 262144 AND task.last_seq - seq < 1000);
      task.log_chars := task.log_chars - weight;
      task.first_seq := seq + 1;
    END LOOP;
  END LOOP;
  DELETE FROM ${s}.events e WHERE e.task_key = task.key AND e.last_seq < task.first_seq;
  UPDATE ${s}.tasks t SET first_seq = task.first_seq, log_chars = task.log_chars
    WHERE t.user_id = of_user AND t.id = of_id;
END $$;

-- What is seldom to be done after a change: a task that has ended needs its payload no more, a log may be full.
CREATE FUNCTION ${s}.tidy(of_user text, of_id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  task ${s}.tasks;
BEGIN
  SELECT * INTO task FROM ${s}.tasks t WHERE t.user_id = of_user AND t.id = of_id;
  IF task.has_payload AND task.status NOT IN ('queued', 'running', 'input_required') THEN
    DELETE FROM ${s}.payloads p WHERE p.task_key = task.key;
  END IF;
  IF task.log_chars > 262144 OR task.last_seq - task.first_seq >= 1000 THEN
    PERFORM ${s}.trim_log(of_user, of_id);
  END IF;
END $$;`;
