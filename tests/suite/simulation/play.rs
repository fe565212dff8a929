//! A play: a few hundred scenes of some hours each, in which people ask, the clock calls, letters come and things
//! go wrong, all by one seed; and what has to be true after every scene.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{PersonKey, RequestId, purge::PurgeState};
use futures_util::future::{BoxFuture, join_all};
use local::Letter;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    moves::{Move, Said, make},
    stage::{Hand, Rows, SKEW, Stage, TENANTS},
};
use crate::{dice::Dice, fault::Odds, world::send};

/// The workers that the clock calls, and after how many minutes each.
const SCHEDULE: [(&str, i64); 6] = [
    ("run-due-purges", 1),
    ("note-changes", 1),
    ("resume-stalled", 5),
    ("check-deadlines", 3 * 24 * 60),
    ("expire-takeouts", 60),
    ("sweep-returned", 24 * 60),
];

/// How it may be with the network, from calm to storm, and for how many hours at most.
const WEATHERS: [(Odds, i64); 6] = [
    (Odds { throttled: 0, severed: 0, partly: 0, not_sent: 0, reply_lost: 0 }, 48),
    (Odds { throttled: 100, severed: 50, partly: 50, not_sent: 10, reply_lost: 10 }, 72),
    (Odds { throttled: 0, severed: 300, partly: 500, not_sent: 20, reply_lost: 50 }, 48),
    (Odds { throttled: 2000, severed: 0, partly: 500, not_sent: 0, reply_lost: 0 }, 36),
    (Odds { throttled: 5000, severed: 100, partly: 0, not_sent: 0, reply_lost: 10 }, 12),
    (FIVE, 48),
];

/// One of twenty calls goes wrong without the death of its process, and one of five hundred with it: a turn that
/// makes sixty calls would else never come to its end.
pub(super) const FIVE: Odds =
    Odds { throttled: 500, severed: 250, partly: 500, not_sent: 10, reply_lost: 10 };

/// What is planted so that it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plant {
    /// A worker that has not heard of a cancel erases a row.
    DeafWorker,
    /// A consent is acknowledged and not stored.
    LostConsent,
    /// A neighbour's row is changed by somebody else's erasure.
    Neighbour,
}

/// Somebody, and what was said to them.
pub(super) struct Person {
    pub(super) tenant: usize,
    pub(super) id: Uuid,
    pub(super) key: PersonKey,
    pub(super) email: String,
    pub(super) rows: Rows,
    /// How many of the rows there were at the last look.
    seen: usize,
    /// By which request they were erased, if they were.
    pub(super) gone: Option<RequestId>,
    /// The states of consent that were acknowledged, and whether each was under a key, and so was stored once.
    pub(super) consents: Vec<(BTreeSet<String>, bool)>,
    /// When they are to be erased, if that is so.
    pub(super) due: Option<DateTime<Utc>>,
    pub(super) holds: Vec<String>,
    /// Whether there was a hold when the scene began.
    was_held: bool,
    pub(super) takeouts: Vec<RequestId>,
    /// Takeouts that were ordered when nothing went wrong any more.
    pub(super) sure: Vec<RequestId>,
    /// Requests for corrections, and whether each is open.
    pub(super) requests: Vec<(RequestId, bool)>,
    pub(super) is_banned: bool,
    /// Whether a backup has brought rows of theirs back.
    pub(super) has_returned: bool,
}

impl Person {
    /// Whether somebody may be erasing them by now.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.due.is_some_and(|due| due <= now + SKEW)
    }
}

/// What a play was like.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) scenes: usize,
    pub(super) moves: usize,
    pub(super) letters: usize,
    pub(super) deaths: usize,
    pub(super) ticks: usize,
    /// Letters that were late or came twice, and ticks that were lost or doubled.
    pub(super) mishaps: usize,
    pub(super) outages: usize,
    pub(super) restores: usize,
    pub(super) erased: usize,
    pub(super) called_off: usize,
    pub(super) failed: usize,
    pub(super) dead_letters: usize,
    pub(super) takeouts: usize,
}

/// Who made a move, and what was told them; an error if nobody should be told that.
type Told = (usize, Result<Said, String>);

enum Chore {
    Tick(&'static str),
    Deliver(Vec<Letter>),
}

pub(super) struct Play {
    pub(super) stage: Stage,
    /// For what is decided before anybody knows what comes of it: when, how the weather is, who wants what.
    fate: Dice,
    /// For what happens to calls, letters and ticks, of which there are now more and now fewer.
    luck: Dice,
    pub(super) people: Vec<Person>,
    pub(super) findings: Vec<String>,
    pub(super) count: Count,
    pub(super) links: BTreeSet<String>,
    hands: Vec<Hand>,
    plant: Option<Plant>,
    began: DateTime<Utc>,
    born: i64,
    population: usize,
    weather_until: DateTime<Utc>,
    outages: Vec<(usize, usize, DateTime<Utc>)>,
    backups: [Rows; 2],
    next_tick: [DateTime<Utc>; SCHEDULE.len()],
    /// Letters that come later.
    late: Vec<(DateTime<Utc>, Letter)>,
}

impl Play {
    pub(super) async fn begin(seed: u64, people: usize, plant: Option<Plant>) -> Self {
        let mut fate = Dice::new(seed);
        let mut luck = fate.fork();
        let stage = Stage::set().await;
        let mut hands = Vec::new();
        for _ in 0..3 {
            hands.push(stage.hand(&mut luck).await);
        }
        let now = stage.now();
        let mut play = Self {
            stage,
            fate,
            luck,
            people: Vec::new(),
            findings: Vec::new(),
            count: Count::default(),
            links: BTreeSet::new(),
            hands,
            plant,
            began: now,
            born: 0,
            population: people,
            weather_until: now,
            outages: Vec::new(),
            backups: Default::default(),
            next_tick: [now; SCHEDULE.len()],
            late: Vec::new(),
        };
        for number in 0..people {
            play.bear(number % TENANTS.len()).await;
        }
        play.look().await;
        play
    }

    fn now(&self) -> DateTime<Utc> {
        self.stage.now()
    }

    pub(super) fn find(&mut self, what: String) {
        let day = (self.now() - self.began).num_days();
        self.findings.push(format!("day {day}, scene {}: {what}", self.count.scenes));
    }

    /// Somebody new. Each address is known to both tenants sooner or later.
    async fn bear(&mut self, tenant: usize) {
        self.born += 1;
        let email = format!(
            "p{}@example.com",
            self.people.iter().filter(|person| person.tenant == tenant).count() + 1
        );
        let id = Uuid::new_v5(&Uuid::NAMESPACE_DNS, format!("{tenant} {}", self.born).as_bytes());
        let rows = self.stage.bear(tenant, self.born, id, &email).await;
        let key = self.stage.key(tenant, id).await;
        self.people.push(Person {
            tenant,
            id,
            key,
            email,
            seen: rows.len(),
            rows,
            gone: None,
            consents: Vec::new(),
            due: None,
            holds: Vec::new(),
            was_held: false,
            takeouts: Vec::new(),
            sure: Vec::new(),
            requests: Vec::new(),
            is_banned: false,
            has_returned: false,
        });
    }

    /// The days in which everything may happen, the longer leaps of about so many hours.
    pub(super) async fn wild(&mut self, days: i64, pace: i64) {
        let end = self.now() + TimeDelta::days(days);
        while self.now() < end && self.findings.is_empty() {
            let by = match self.fate.below(10) {
                0..3 => TimeDelta::minutes(self.fate.between(1, 20)),
                3 => TimeDelta::minutes(self.fate.between(20, 300)),
                _ => TimeDelta::minutes(self.fate.between(10 * pace, 180 * pace)),
            };
            self.stage.world.stack.clock.advance(by).unwrap();
            self.change_weather().await;
            self.shake_stores().await;
            let moves = self.moves();
            self.scene(moves, true).await;
            if self.people.iter().filter(|person| person.gone.is_none()).count() < self.population {
                let tenant = usize::try_from(self.fate.below(2)).unwrap();
                self.bear(tenant).await;
            }
        }
    }

    /// Days in which nothing goes wrong any more.
    pub(super) async fn calm(&mut self, hours: i64, step: i64) {
        let end = self.now() + TimeDelta::hours(hours);
        while self.now() < end && self.findings.is_empty() {
            self.stage.world.stack.clock.advance(TimeDelta::hours(step)).unwrap();
            self.scene(Vec::new(), false).await;
        }
    }

    /// Erases many, a hundred at a time, while one of twenty calls goes wrong.
    pub(super) async fn soak(&mut self, purges: usize) {
        const AT_ONCE: usize = 100;
        self.stage.weather.set(FIVE);
        while self.people.len() < purges && self.findings.is_empty() {
            let first = self.people.len();
            for number in first..purges.min(first + AT_ONCE) {
                self.bear(number % TENANTS.len()).await;
            }
            self.look_again().await;
            for few in (first..self.people.len()).collect::<Vec<_>>().chunks(10) {
                let moves = few.iter().map(|&who| (who, Move::Purge(Some(self.fate.between(-10, 600)))));
                let moves = moves.collect();
                self.stage.world.stack.clock.advance(TimeDelta::minutes(10)).unwrap();
                self.scene(moves, true).await;
            }
            for _ in 0..16 {
                self.stage.world.stack.clock.advance(TimeDelta::minutes(75)).unwrap();
                self.scene(Vec::new(), true).await;
            }
        }
    }

    /// From here on nothing goes wrong: what is late comes, and what was given up is tried again.
    pub(super) async fn clear(&mut self) {
        self.stage.weather.set(Odds::default());
        for (tenant, store, _) in std::mem::take(&mut self.outages) {
            self.stage.set_down(tenant, store, false).await;
        }
        let now = self.now();
        self.late.iter_mut().for_each(|(at, _)| *at = now);
        self.redrive().await;
    }

    /// Puts what lies in the queues of dead letters back where it came from.
    async fn redrive(&mut self) {
        let urls = &self.stage.world.stack.app.config().queues;
        let urls = [&urls.takeouts, &urls.purges, &urls.notices];
        let sqs = self.stage.world.stack.app.clients().sqs();
        for url in urls {
            let dead = format!("{url}-dead");
            loop {
                let taken = sqs.receive_message().queue_url(&dead).max_number_of_messages(10).send().await;
                let taken = taken.unwrap().messages.unwrap_or_default();
                if taken.is_empty() {
                    break;
                }
                for letter in taken {
                    self.count.dead_letters += 1;
                    sqs.send_message()
                        .queue_url(url)
                        .message_body(letter.body().unwrap())
                        .send()
                        .await
                        .unwrap();
                    let handle = letter.receipt_handle().unwrap();
                    sqs.delete_message().queue_url(&dead).receipt_handle(handle).send().await.unwrap();
                }
            }
        }
    }

    async fn change_weather(&mut self) {
        if self.weather_until <= self.now() {
            let (odds, hours) = *self.fate.one_of(&WEATHERS);
            self.stage.weather.set(odds);
            self.weather_until = self.now() + TimeDelta::hours(self.fate.between(1, hours));
        }
    }

    /// Stores go away for hours and come back; backups are made, and brought back.
    async fn shake_stores(&mut self) {
        let now = self.now();
        let (over, left) = std::mem::take(&mut self.outages).into_iter().partition(|(.., end)| *end <= now);
        self.outages = left;
        for (tenant, store, _) in over {
            self.stage.set_down(tenant, store, false).await;
        }
        if self.fate.happens(60) && self.outages.is_empty() {
            let (tenant, store) = (self.fate.below(2), self.fate.below(3));
            let (tenant, store) = (usize::try_from(tenant).unwrap(), usize::try_from(store).unwrap());
            self.stage.set_down(tenant, store, true).await;
            self.outages.push((tenant, store, now + TimeDelta::hours(self.fate.between(1, 10))));
            self.count.outages += 1;
        }
        let tenant = usize::try_from(self.fate.below(2)).unwrap();
        if self.fate.happens(100) && self.outages.is_empty() {
            self.backups[tenant] = self.stage.rows(tenant).await;
        }
        if self.fate.happens(60) && self.outages.is_empty() {
            let there = self.stage.rows(tenant).await;
            let backup = self.backups[tenant].clone();
            if self.stage.restore(tenant, &backup).await {
                self.count.restores += 1;
            }
            let is_back = |place: &String| backup.contains_key(place) && !there.contains_key(place);
            for person in self.people.iter_mut().filter(|person| person.tenant == tenant) {
                person.has_returned |= person.rows.keys().any(is_back);
            }
            self.look_again().await;
        }
    }

    /// Who moves in this scene, each once.
    fn moves(&mut self) -> Vec<(usize, Move)> {
        let mut alive: Vec<usize> =
            (0..self.people.len()).filter(|&who| self.people[who].gone.is_none()).collect();
        self.fate.shuffle(&mut alive);
        alive.truncate(usize::try_from(self.fate.between(1, 6)).unwrap());
        alive.into_iter().map(|who| (who, Move::thrown(&mut self.fate, &self.people[who]))).collect()
    }

    /// Ticks and letters for the hands, in what order ever.
    async fn chores(&mut self, is_wild: bool, with_ticks: bool) -> Vec<Vec<Chore>> {
        let now = self.now();
        let mut chores: Vec<Vec<Chore>> = self.hands.iter().map(|_| Vec::new()).collect();
        let hands: Vec<usize> = (0..chores.len()).collect();
        for (place, (name, minutes)) in SCHEDULE.into_iter().enumerate().filter(|_| with_ticks) {
            if self.next_tick[place] > now {
                continue;
            }
            self.next_tick[place] = now + TimeDelta::minutes(minutes);
            let times = match self.luck.below(12) {
                0..3 if is_wild => 0,
                3 if is_wild => 2,
                _ => 1,
            };
            self.count.mishaps += usize::from(times != 1);
            for _ in 0..times {
                self.count.ticks += 1;
                chores[*self.luck.one_of(&hands)].push(Chore::Tick(name));
            }
        }
        let mut now_due = Vec::new();
        let (due, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = later;
        now_due.extend(due.into_iter().map(|(_, letter)| letter));
        for letter in self.stage.post.take().await {
            self.count.letters += 1;
            let fate = if is_wild { self.luck.below(20) } else { 20 };
            self.count.mishaps += usize::from(fate < 4);
            match fate {
                0 => now_due.extend([letter.clone(), letter]),
                1 | 2 => self.late.push((now + TimeDelta::minutes(self.luck.between(1, 3000)), letter)),
                3 => {
                    self.late.push((now + TimeDelta::minutes(self.luck.between(1, 9000)), letter.clone()));
                    now_due.push(letter);
                }
                _ => now_due.push(letter),
            }
        }
        self.luck.shuffle(&mut now_due);
        while !now_due.is_empty() {
            let size = usize::try_from(self.luck.between(1, 4)).unwrap().min(now_due.len());
            let batch = now_due.split_off(now_due.len() - size);
            chores[*self.luck.one_of(&hands)].push(Chore::Deliver(batch));
        }
        chores.iter_mut().for_each(|own| self.luck.shuffle(own));
        chores
    }

    /// All that happens at one moment, at the same time; and a second round for what came of it.
    pub(super) async fn scene(&mut self, moves: Vec<(usize, Move)>, is_wild: bool) {
        self.count.scenes += 1;
        for person in &mut self.people {
            person.was_held = !person.holds.is_empty();
        }
        self.count.moves += moves.len();
        if self.plant == Some(Plant::LostConsent) && self.count.scenes == 5 {
            self.stage.weather.lie_about("\"C#");
        }
        let mut chores = self.chores(is_wild, true).await;
        let mut told = self.round(chores, moves).await;
        loop {
            chores = self.chores(is_wild, false).await;
            if chores.iter().all(Vec::is_empty) {
                break;
            }
            told.extend(self.round(chores, Vec::new()).await);
            if is_wild {
                break;
            }
        }
        for (who, said) in told {
            match said {
                Ok(said) => self.note(who, said).await,
                Err(what) => self.find(what),
            }
        }
        self.look().await;
    }

    /// One round of moves and chores; what the moves led to.
    async fn round(&mut self, chores: Vec<Vec<Chore>>, moves: Vec<(usize, Move)>) -> Vec<Told> {
        let mut told = Vec::new();
        let now = self.now();
        let done: Vec<AtomicUsize> = chores.iter().map(|_| AtomicUsize::new(0)).collect();
        {
            let (stage, hands, people) = (&self.stage, &self.hands, &self.people);
            let mut running: Vec<BoxFuture<'_, Option<Told>>> = Vec::new();
            for ((hand, chores), done) in hands.iter().zip(&chores).zip(&done) {
                running.push(Box::pin(async move {
                    let all = async {
                        for chore in chores {
                            match chore {
                                Chore::Tick(name) => assert!(hand.process.tick(name).await, "{name}"),
                                Chore::Deliver(letters) => hand.process.hand_over(letters).await,
                            }
                            done.fetch_add(1, Ordering::SeqCst);
                        }
                    };
                    hand.fault.until_death(all).await;
                    None
                }));
            }
            for (who, next) in moves {
                let dice = self.luck.fork();
                let person = &people[who];
                running.push(Box::pin(async move {
                    let said = make(stage, hands, person, next, dice).await;
                    Some((who, said))
                }));
            }
            told.extend(join_all(running).await.into_iter().flatten());
        }
        for (place, chores) in chores.into_iter().enumerate() {
            if self.hands[place].fault.is_dead() {
                self.count.deaths += 1;
                // What it had not come to is for others.
                let left = chores.into_iter().skip(done[place].load(Ordering::SeqCst));
                let letters = left.filter_map(|chore| match chore {
                    Chore::Deliver(letters) => Some(letters),
                    Chore::Tick(_) => None,
                });
                self.late.extend(letters.flatten().map(|letter| (now, letter)));
                let fresh = self.stage.hand(&mut self.luck).await;
                let dead = std::mem::replace(&mut self.hands[place], fresh);
                dead.process.end(&self.stage.world.stack).await;
            }
        }
        told
    }

    async fn note(&mut self, who: usize, said: Said) {
        let tenant = self.people[who].tenant;
        let person = &mut self.people[who];
        match said {
            Said::Consents(levels, is_keyed) => person.consents.push((levels, is_keyed)),
            Said::Due(due) => person.due = Some(due),
            Said::CalledOff => {
                let was_due = person.due.take();
                self.count.called_off += usize::from(was_due.is_some());
                if self.plant == Some(Plant::DeafWorker)
                    && was_due.is_some()
                    && person.seen == person.rows.len()
                {
                    self.plant = None;
                    let number = person.rows.keys().find_map(|place| place.strip_prefix("customers/"));
                    let erase = format!("DELETE FROM orders WHERE customer_id = {}", number.unwrap());
                    self.stage.tamper(tenant, erase).await;
                }
            }
            Said::Held(id) => person.holds.push(id),
            Said::Lifted(id) => person.holds.retain(|hold| *hold != id),
            Said::Ordered(id) => {
                person.takeouts.push(id);
                self.count.takeouts += 1;
            }
            Said::Requested(id) => person.requests.push((id, true)),
            Said::Confirmed(id) => {
                let confirmed = person.requests.iter_mut().filter(|(request, _)| *request == id);
                confirmed.for_each(|(_, is_open)| *is_open = false);
            }
            Said::Banned(is_banned) => person.is_banned = is_banned,
            Said::Revoked(link) => {
                self.links.insert(link);
            }
            Said::Nothing => {}
        }
    }

    /// Counts rows again after some came back.
    async fn look_again(&mut self) {
        for tenant in 0..TENANTS.len() {
            let there = self.stage.rows(tenant).await;
            for person in self.people.iter_mut().filter(|person| person.tenant == tenant) {
                person.seen = person.rows.keys().filter(|place| there.contains_key(*place)).count();
            }
        }
    }

    /// Looks at what the stores hold, and whether whatever is missing is missing for a reason.
    async fn look(&mut self) {
        let now = self.now();
        for tenant in 0..TENANTS.len() {
            let mut there = self.stage.rows(tenant).await;
            let mut found = Vec::new();
            for person in self.people.iter_mut().filter(|person| person.tenant == tenant) {
                let mut seen = 0;
                for (place, said) in &mut person.rows {
                    let Some(is) = there.remove(place) else { continue };
                    // What the bucket says of an object is known once it has said it.
                    if said.is_empty() {
                        said.clone_from(&is);
                    }
                    if *said != is {
                        found.push(format!("{place} is {is:?} and was {said:?}"));
                    }
                    seen += 1;
                }
                let is_held = person.was_held && !person.holds.is_empty();
                if seen < person.seen && person.gone.is_none() && (!person.is_due(now) || is_held) {
                    found.push(format!(
                        "{} of tenant {tenant} has {seen} of {} rows left, due {:?}, held {is_held}",
                        person.email, person.seen, person.due
                    ));
                }
                person.seen = seen;
            }
            found.extend(there.keys().map(|place| format!("{place} is nobody's")));
            found.into_iter().for_each(|what| self.find(what));
        }
        for who in 0..self.people.len() {
            let person = &self.people[who];
            if person.gone.is_some() || !person.is_due(now) {
                continue;
            }
            let (tenant, key, seen) = (person.tenant, person.key, person.seen);
            let Some(erasure) = self.stage.erasure(tenant, key).await else { continue };
            match erasure.purge().map(|purge| purge.state) {
                Some(PurgeState::Done) => {
                    let is_back = person.has_returned;
                    if seen > 0 && !is_back {
                        let email = person.email.clone();
                        self.find(format!("{email} is told to be erased and has {seen} rows"));
                    }
                    self.people[who].gone = Some(erasure.id);
                    self.count.erased += 1;
                    if self.plant == Some(Plant::Neighbour) {
                        self.plant = None;
                        let change = "UPDATE customers SET name = name || '!' WHERE id = (SELECT max(id) FROM customers)";
                        self.stage.tamper(tenant, change.to_owned()).await;
                    }
                }
                Some(PurgeState::Failed) => self.ask_again(who).await,
                _ => {}
            }
        }
    }

    /// What has failed waits for somebody who asks again.
    async fn ask_again(&mut self, who: usize) {
        let person = &self.people[who];
        let path = format!("/users/v1/person/{}/purge", person.id);
        let ask: Value = json!({"suggested_purge_time": self.now()});
        send(self.stage.call(person.tenant, Method::POST, &path).json(&ask)).await.expect(202);
        self.count.failed += 1;
    }

    /// Everybody orders a takeout, which nothing keeps from being built.
    pub(super) async fn order(&mut self) {
        for who in 0..self.people.len() {
            let person = &self.people[who];
            if person.gone.is_some() || person.due.is_some() {
                continue;
            }
            let said = make(&self.stage, &self.hands, person, Move::Order, self.fate.fork()).await;
            match said {
                Ok(Said::Ordered(id)) => self.people[who].sure.push(id),
                other => self.find(format!("a takeout that nothing keeps from being ordered: {other:?}")),
            }
        }
    }

    /// Lifts all holds but those of one person.
    pub(super) async fn lift(&mut self) {
        let held: Vec<usize> = (0..self.people.len())
            .filter(|&who| self.people[who].gone.is_none() && !self.people[who].holds.is_empty())
            .collect();
        let lifted = held.into_iter().skip(1);
        let lifts = lifted.flat_map(|who| self.people[who].holds.iter().map(move |hold| (who, hold.clone())));
        for (who, hold) in lifts.collect::<Vec<_>>() {
            self.scene(vec![(who, Move::Lift(hold))], false).await;
        }
    }
}
