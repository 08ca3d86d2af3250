import "./style/page.css";
import { render } from "preact";
import { keepAddress } from "./address.ts";
import { announceEnds } from "./announcing.ts";
import { keepTime } from "./clock.ts";
import { learnOffer } from "./offer.ts";
import { followTasks, tasks } from "./tasks.ts";
import { App } from "./views/app.tsx";

keepAddress();
keepTime();
announceEnds(tasks);
void followTasks();
void learnOffer();
render(<App />, document.body);
