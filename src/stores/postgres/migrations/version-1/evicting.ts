/** Letting go of tasks that have ended, with all that hangs on them. Rows that others have locked are left to them. */
export const evicting = (s: string): string => `
CREATE FUNCTION ${s}.evict(tasks ${s}.tasks[]) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM ${s}.tasks t USING unnest(tasks) AS old WHERE t.user_id = old.user_id AND t.id = old.id;
  DELETE FROM ${s}.events e USING unnest(tasks) AS old WHERE e.task_key = old.key;
  DELETE FROM ${s}.results r USING unnest(tasks) AS old WHERE r.task_key = old.key;
  RETURN cardinality(tasks);
END $$;

CREATE FUNCTION ${s}.evict_by_age(until float8, most integer) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
  RETURN ${s}.evict(ARRAY(SELECT t FROM ${s}.tasks t
    WHERE t.shelf = 'done' AND t.held = 0 AND t.shelf_at <= until
    ORDER BY t.shelf_at LIMIT most FOR UPDATE SKIP LOCKED));
END $$;

CREATE FUNCTION ${s}.evict_by_count(of_user text, kept bigint, most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  newest record;
BEGIN
  SELECT t.shelf_at, t.id INTO newest FROM ${s}.tasks t
    WHERE t.user_shelf = 'done ' || of_user
    ORDER BY t.shelf_at DESC, t.id DESC OFFSET kept LIMIT 1;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  RETURN ${s}.evict(ARRAY(SELECT t FROM ${s}.tasks t
    WHERE t.user_shelf = 'done ' || of_user AND (t.shelf_at, t.id) <= (newest.shelf_at, newest.id)
    ORDER BY t.shelf_at, t.id LIMIT most FOR UPDATE SKIP LOCKED));
END $$;`;
