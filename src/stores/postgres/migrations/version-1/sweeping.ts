/** Retention as a whole. */
export const sweeping = (s: string): string => `
CREATE FUNCTION ${s}.forget_old_turns(until float8, most integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  old record;
BEGIN
  FOR old IN SELECT n.user_id, n.session FROM ${s}.turns n WHERE n.counted_at <= until
    ORDER BY n.counted_at LIMIT most
  LOOP
    CONTINUE WHEN NOT ${s}.try_lock(${s}.session_lock(old.user_id, old.session));
    PERFORM FROM ${s}.turns n
      WHERE n.user_id = old.user_id AND n.session = old.session AND n.counted_at <= until;
    IF FOUND THEN
      PERFORM ${s}.forget_turns(old.user_id, old.session);
    END IF;
  END LOOP;
END $$;

-- Users, in order, from behind one of them.
CREATE FUNCTION ${s}.users_after(last text, most integer) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
  users text[] := '{}';
BEGIN
  WHILE cardinality(users) < most LOOP
    SELECT t.user_id INTO last FROM ${s}.tasks t WHERE t.user_id > last ORDER BY t.user_id LIMIT 1;
    EXIT WHEN NOT FOUND;
    users := users || last;
  END LOOP;
  RETURN users;
END $$;

-- The expired tasks, and then the rest. "walked_to" is null at the end of the users.
CREATE FUNCTION ${s}.sweep(
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
  DELETE FROM ${s}.claims c WHERE c.ends_at <= moment;
  FOR expired IN SELECT * FROM ${s}.expire_by_age(moment - follow_up_ttl, most) LOOP
    most := most - 1;
    users := users || expired.user_id;
    RETURN NEXT json_build_object('task', row_to_json(expired), 'watched', CASE WHEN pg_try_advisory_lock(hashtextextended('${s} watch', 0)) THEN NOT pg_advisory_unlock(hashtextextended('${s} watch', 0)) ELSE true END);
  END LOOP;
  FOREACH of_user IN ARRAY users || walked LOOP
    IF follow_ups_per_user IS NOT NULL THEN
      FOR expired IN SELECT * FROM ${s}.expire_by_count(of_user, follow_ups_per_user, most) LOOP
        most := most - 1;
        RETURN NEXT json_build_object('task', row_to_json(expired), 'watched', CASE WHEN pg_try_advisory_lock(hashtextextended('${s} watch', 0)) THEN NOT pg_advisory_unlock(hashtextextended('${s} watch', 0)) ELSE true END);
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
