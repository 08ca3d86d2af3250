/** Logs of which a batch cannot be weighed: others settle and expire follow-ups together with that of this task. */
export const logs = (s: string): string => `
-- The weights of a batch; null: they cannot be read.
CREATE FUNCTION ${s}.weights_of(batch text) RETURNS integer[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN ARRAY(SELECT json_array_elements_text(batch::json)::integer);
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;

-- Lets the oldest events go until the ring is full and no more; the newest stays, however long it is.
CREATE OR REPLACE FUNCTION ${s}.trim_log(of_user text, of_id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  task ${s}.tasks;
  batch record;
  weight integer;
  seq integer;
BEGIN
  SELECT * INTO task FROM ${s}.tasks t WHERE t.user_id = of_user AND t.id = of_id;
  <<batches>>
  FOR batch IN
    SELECT e.last_seq, ${s}.weights_of(e.weights) AS weights FROM ${s}.events e WHERE e.task_key = task.key ORDER BY e.last_seq
  LOOP
    -- It goes as a whole, and what is left is weighed anew.
    IF batch.weights IS NULL THEN
      task.first_seq := batch.last_seq + 1;
      task.log_chars := (SELECT coalesce(sum(w), 0) FROM ${s}.events e, unnest(${s}.weights_of(e.weights)) AS w
        WHERE e.task_key = task.key AND e.last_seq > batch.last_seq);
      CONTINUE;
    END IF;
    seq := batch.last_seq - cardinality(batch.weights);
    FOREACH weight IN ARRAY batch.weights LOOP
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
END $$;`;
