import "./style/page.css";
import { render } from "preact";
import { keepAddress } from "./address.ts";
import { announceEnds } from "./announcing.ts";
import { learnOffer } from "./offer.ts";
import { followTasks } from "./tasks.ts";
import { keepTime } from "./times.ts";
import { App } from "./views/app.tsx";

keepAddress();
keepTime();
announceEnds();
void followTasks();
void learnOffer();
render(<App />, document.body);
