/** Dropping follow-ups that were outstanding too long, or are too many. */
export const expiring = (s: string): string => `
-- Drops a follow-up that nobody delivers, of a task that is locked by now.
CREATE FUNCTION ${s}.expire(task ${s}.tasks) RETURNS SETOF ${s}.tasks LANGUAGE plpgsql ROWS 3 AS $$
BEGIN
  -- It may have been claimed just before it was locked, which only a look from now on shows.
  PERFORM FROM ${s}.claims c WHERE c.token = task.claim AND c.ends_at > ${s}.now_ms();
  IF NOT FOUND THEN
    RETURN NEXT ${s}.drop_follow_up(task, 'expired');
  END IF;
END $$;

-- In what follows, rows that others have locked are left to them.
CREATE FUNCTION ${s}.expire_by_age(until float8, most integer) RETURNS SETOF ${s}.tasks LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  place record;
  task ${s}.tasks;
BEGIN
  FOR place IN SELECT * FROM ${s}.shelves('{when_idle,interrupt,silent}', NULL) LOOP
    FOR task IN SELECT t.* FROM ${s}.tasks t
      WHERE t.shelf = place.shelf AND t.held = place.held AND t.shelf_at <= until AND (SELECT c.token FROM ${s}.claims c WHERE c.token = t.claim AND c.ends_at > moment) IS NULL
      ORDER BY t.shelf_at LIMIT most FOR UPDATE SKIP LOCKED
    LOOP
      RETURN QUERY SELECT * FROM ${s}.expire(task);
      IF FOUND THEN
        most := most - 1;
      END IF;
    END LOOP;
  END LOOP;
END $$;

-- All but the newest of a user. Which these are does not depend on who has locked them.
CREATE FUNCTION ${s}.expire_by_count(of_user text, kept bigint, most integer) RETURNS SETOF ${s}.tasks
LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  newest record;
  task ${s}.tasks;
BEGIN
  SELECT t.shelf_at, t.id INTO newest FROM ${s}.tasks t
    WHERE t.user_shelf IN ('when_idle ' || of_user, 'interrupt ' || of_user, 'silent ' || of_user) AND (SELECT c.token FROM ${s}.claims c WHERE c.token = t.claim AND c.ends_at > moment) IS NULL
    ORDER BY t.shelf_at DESC, t.id DESC OFFSET kept LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  FOR task IN SELECT t.* FROM ${s}.tasks t
    WHERE t.user_shelf IN ('when_idle ' || of_user, 'interrupt ' || of_user, 'silent ' || of_user) AND (SELECT c.token FROM ${s}.claims c WHERE c.token = t.claim AND c.ends_at > moment) IS NULL
      AND (t.shelf_at, t.id) <= (newest.shelf_at, newest.id)
    ORDER BY t.shelf_at, t.id LIMIT most FOR UPDATE SKIP LOCKED
  LOOP
    RETURN QUERY SELECT * FROM ${s}.expire(task);
  END LOOP;
END $$;`;
