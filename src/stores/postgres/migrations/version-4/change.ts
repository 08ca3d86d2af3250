import { UNFINISHED, watched } from "./fragments.ts";

/** Version 3's, with holds, and with a word about whether there is a result. A task that was set aside is gone. */
export const change = (s: string): string => `
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
      follow_up_status, follow_up_mode, follow_up_attempts, follow_up_holds, follow_up_reason, held, shelf, user_shelf, shelf_at
    ) = (SELECT p.status, p.owner, p.runs, p.started_at, p.completed_at, p.deadline_at, p.error, p.cancel,
      p.follow_up_status, p.follow_up_mode, p.follow_up_attempts, p.follow_up_holds, p.follow_up_reason,
      CASE WHEN p.follow_up_status IN ('pending', 'claimed') THEN p.held ELSE 0 END,
      ${s}.shelf_of(p.status, p.follow_up_status, p.follow_up_mode),
      ${s}.shelf_of(p.status, p.follow_up_status, p.follow_up_mode) || ' ' || p.user_id,
      CASE WHEN t.status NOT IN ${UNFINISHED} THEN t.shelf_at
        WHEN p.status NOT IN ${UNFINISHED} THEN moment
        WHEN starts_lease THEN moment + t.lease_ms ELSE t.shelf_at END
      FROM json_populate_record(t, patch) AS p),
    version = t.version + 1,
    updated_at = moment,
    progress = coalesce(new_progress, t.progress),
    has_result = t.has_result OR result_about IS NOT NULL,
    last_seq = t.last_seq + count,
    log_chars = t.log_chars + chars
  WHERE t.user_id = of_user AND t.id = of_id AND t.version = at_version AND t.shelf <> 'damaged'
  RETURNING t.key, t.last_seq, t.has_payload OR t.log_chars > 262144 OR t.last_seq - t.first_seq >= 1000,
    json_build_object('task', row_to_json(t), 'watched', ${watched(s)})
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
END $$;`;
