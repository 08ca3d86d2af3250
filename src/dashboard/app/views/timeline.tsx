import { useComputed } from "@preact/signals";
import { select, selected } from "../address.ts";
import { cleanText } from "../clean-text.ts";
import { now } from "../clock.ts";
import { shown } from "../matching.ts";
import { statusName } from "../statuses.ts";
import { LANE_PX, strip } from "../strip.ts";

/** What ran when, of the newest that are shown. The list beside it says the same in words. */
export function Timeline() {
  const drawn = useComputed(() => strip(shown.value, now.value));
  const { bars, lanes, spanName, most, running } = drawn.value;
  if (bars.length === 0) return null;
  const label = `Timeline of the last ${spanName}: ${bars.length === 1 ? "1 task" : `${bars.length} tasks`}, at most ${most} at the same time, ${running} unfinished.`;
  return (
    <figure class="timeline">
      <svg
        role="img"
        aria-label={label}
        viewBox={`0 0 1000 ${lanes * LANE_PX}`}
        height={lanes * LANE_PX}
        preserveAspectRatio="none"
      >
        {bars.map(({ task, x, width, lane }) => (
          // biome-ignore lint/a11y: a picture; the list has the same as links
          <rect
            key={task.id}
            class="span"
            data-status={task.status}
            data-selected={task.id === selected.value}
            x={x}
            y={lane * LANE_PX + 1}
            width={width}
            height={LANE_PX - 2}
            onClick={() => select(task.id)}
          >
            <title>{`${cleanText(task.summary)}: ${statusName(task.status)}`}</title>
          </rect>
        ))}
      </svg>
      <figcaption aria-hidden="true">
        <span>{spanName} ago</span>
        <span>now</span>
      </figcaption>
    </figure>
  );
}
