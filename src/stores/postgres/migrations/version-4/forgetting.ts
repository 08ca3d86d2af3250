import { watched } from "./fragments.ts";

/** Retention as version 1 has it, but that the numbers of sessions go with their turns. */
export const forgetting = (s: string): string => `
-- Sessions that nobody has, or waits for, and whose last turn began before that.
CREATE FUNCTION ${s}.forget_old_claims(until float8, most integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  moment float8 := ${s}.now_ms();
BEGIN
  DELETE FROM ${s}.claims c WHERE c.token = ANY (ARRAY(
    SELECT o.token FROM ${s}.claims o WHERE o.number < until AND greatest(o.ends_at, o.waited_until) <= moment
    ORDER BY o.number LIMIT most FOR UPDATE SKIP LOCKED));
END $$;

-- The expired tasks, and then the rest. "walked_to" is null at the end of the users.
CREATE OR REPLACE FUNCTION ${s}.sweep(
  finished_per_user bigint, finished_ttl float8, follow_up_ttl float8, follow_ups_per_user bigint,
  most integer, users text[], walk_from text, walk_users integer
) RETURNS SETOF json LANGUAGE plpgsql ROWS 3 AS $$
DECLARE
  moment float8 := ${s}.now_ms();
  expired ${s}.tasks;
  walked text[] := ${s}.users_after(walk_from, walk_users);
  of_user text;
  evicted integer := 0;
  count integer;
BEGIN
  PERFORM ${s}.forget_old_turns(moment - finished_ttl, most);
  PERFORM ${s}.forget_old_claims(moment - finished_ttl, most);
  FOR expired IN SELECT * FROM ${s}.expire_by_age(moment - follow_up_ttl, most) LOOP
    most := most - 1;
    users := users || expired.user_id;
    RETURN NEXT json_build_object('task', row_to_json(expired), 'watched', ${watched(s)});
  END LOOP;
  FOREACH of_user IN ARRAY users || walked LOOP
    IF follow_ups_per_user IS NOT NULL THEN
      FOR expired IN SELECT * FROM ${s}.expire_by_count(of_user, follow_ups_per_user, most) LOOP
        most := most - 1;
        RETURN NEXT json_build_object('task', row_to_json(expired), 'watched', ${watched(s)});
      END LOOP;
    END IF;
    IF finished_per_user IS NOT NULL THEN
      count := ${s}.evict_by_count(of_user, finished_per_user, most);
      most := most - count;
      evicted := evicted + count;
    END IF;
    EXIT WHEN most = 0;
  END LOOP;
  count := ${s}.evict_by_age(moment - finished_ttl, most);
  evicted := evicted + count;
  RETURN NEXT json_build_object('evicted', evicted, 'more', most = count,
    'walked_to', CASE WHEN cardinality(walked) = walk_users THEN walked[walk_users] END);
END $$;`;
