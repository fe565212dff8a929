//! The console: who gets in, who sees and does what, and what cannot be done to it.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::Permission;
use functions::catalog;
use local::{STAFF, Staff};
use reqwest::Method;
use runtime::{Allow, Credentials, Route};
use serde_json::json;
use uuid::Uuid;
use wire::Dialect;

use crate::{
    staff::{Browser, field},
    world::{World, send},
};

const DANA: &str = "staff-dana";
const ROBIN: &str = "staff-robin";
const CASEY: &str = "staff-casey";

/// The path to the person's page, found by what identifies them.
async fn person_path(browser: &mut Browser<'_>, identity: &str) -> String {
    let reply = browser.post("/console/persons", &[("identity", identity)]).await.expect(200);
    let page = String::from_utf8(reply.bytes).unwrap();
    let (_, rest) = page.split_once("href=\"/console/persons/").unwrap_or_else(|| panic!("{page}"));
    format!("/console/persons/{}", rest.split_once(['"', '#']).unwrap().0)
}

/// Makes a request in the console and gives its path.
async fn make(browser: &mut Browser<'_>, identity: &str, kind: &str, remarks: &str) -> String {
    let person = person_path(browser, identity).await;
    let fields = [("kind", kind), ("remarks", remarks)];
    let made = browser.post(&format!("{person}/requests"), &fields).await.expect(303);
    made.header("location").to_owned()
}

async fn world_with_alice() -> World {
    let world = World::new().await;
    world.person_with_data("alice").await;
    world
}

fn pages() -> impl Iterator<Item = &'static Route> {
    let routes = catalog::endpoints().into_iter().map(|endpoint| endpoint.route);
    routes.filter(|route| route.dialect == Dialect::Page)
}

/// A path of the route about a request and a person that there are.
fn path(route: &Route, request: &str, person: &str) -> String {
    let request = request.rsplit('/').next().unwrap();
    let nothing = Uuid::nil().to_string();
    let path = route.path.replace("{request_id}", request).replace("{attachment_id}", &nothing);
    path.replace("{person}", person.rsplit('/').next().unwrap())
}

#[tokio::test]
async fn somebody_signs_in_and_goes_on_where_they_wanted_to() {
    let world = world_with_alice().await;
    let mut browser = Browser::new(&world);

    let away = browser.get("/console/requests?kind=erasure").await.expect(303);
    assert_eq!(away.header("location"), "/console/sign-in?next=%2Fconsole%2Frequests%3Fkind%3Derasure");
    let next = browser.sign_in(ROBIN, "/console/requests?kind=erasure").await;
    assert_eq!(next, "/console/requests?kind=erasure");

    assert!(browser.text(&next).await.contains("Robin Rask"));
    assert_eq!(browser.cookies.len(), 1, "what was kept on the way is gone");
}

#[tokio::test]
async fn a_sign_in_that_is_not_as_it_must_be_begins_no_session() {
    let world = World::new().await;
    let signed_in = async |change: fn(&mut Browser<'_>, String) -> String| {
        let mut browser = Browser::new(&world);
        let back = browser.leave(DANA, "/console").await;
        let back = change(&mut browser, back);
        let reply = browser.get(&back).await;
        (reply.status, browser.cookies.contains_key("__Host-lethe"))
    };
    let kept = "__Host-lethe-sign-in";
    let without = |back: String, name: &str| {
        let (path, query) = back.split_once('?').unwrap();
        let rest: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with(name)).collect();
        format!("{path}?{}", rest.join("&"))
    };
    assert_eq!(signed_in(|_, back| back).await, (303, true));

    let changes: [fn(&mut Browser<'_>, String) -> String; 12] = [
        |browser, back| {
            browser.cookies.clear();
            back
        },
        |_, back| back.replace("state=", "state=A"),
        |_, back| back.replace("code=", "code=A"),
        |_, back| back.replace("iss=", "iss=https%3A%2F%2Fevil.example"),
        |_, back| format!("{back}&state=x"),
        |_, back| format!("{back}&code=x"),
        |_, _| "/console/signed-in".to_owned(),
        |_, _| "/console/signed-in?error=access_denied".to_owned(),
        |browser, back| {
            // Another verifier than the one that the provider was told of.
            let mut parts: Vec<String> =
                browser.cookies["__Host-lethe-sign-in"].split('.').map(str::to_owned).collect();
            parts[2] = parts[1].clone();
            browser.cookies.insert("__Host-lethe-sign-in".into(), parts.join("."));
            back
        },
        |browser, back| {
            // Another nonce than the one in the ID token.
            let mut parts: Vec<String> =
                browser.cookies["__Host-lethe-sign-in"].split('.').map(str::to_owned).collect();
            parts[1] = parts[2].clone();
            browser.cookies.insert("__Host-lethe-sign-in".into(), parts.join("."));
            back
        },
        |browser, back| {
            browser.cookies.insert("__Host-lethe-sign-in".into(), "...".into());
            back
        },
        |browser, back| {
            // Where to go on was changed to somewhere outside.
            let cookie = &browser.cookies["__Host-lethe-sign-in"];
            let (rest, _) = cookie.rsplit_once('.').unwrap();
            let cookie = format!("{rest}.Ly9ldmlsLmV4YW1wbGU");
            browser.cookies.insert("__Host-lethe-sign-in".into(), cookie);
            back
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (status, has_session) = signed_in(change).await;
        assert!(matches!(status, 400 | 401) && !has_session, "{number}: {status}");
    }

    // Each of what the provider sends is needed.
    for name in ["state", "code"] {
        let mut browser = Browser::new(&world);
        let back = without(browser.leave(DANA, "/console").await, name);
        assert_eq!(browser.get(&back).await.status, 401, "{name}");
    }
    // A code is worth one sign-in.
    let mut browser = Browser::new(&world);
    let back = browser.leave(DANA, "/console").await;
    let cookies = browser.cookies.clone();
    browser.get(&back).await.expect(303);
    browser.cookies = cookies;
    assert!(browser.cookies.contains_key(kept));
    browser.get(&back).await.expect(401);
}

#[tokio::test]
async fn nobody_is_led_out_of_the_console_after_signing_in() {
    let world = World::new().await;
    for next in [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/console//evil.example/..",
        "https:evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/console\r\nLocation: https://evil.example",
        "/console\t//evil.example",
        "%2f%2fevil.example",
        "/%09/evil.example",
        "///evil.example",
        "/consoleevil.example",
        "/console@evil.example",
        "console",
        "",
        " /console",
        "/.evil.example",
        "//console",
        "https://127.0.0.1@evil.example/console",
        "/console\u{2028}",
        "/console/\u{ff0f}\u{ff0f}evil",
        "http://evil.example/console",
        "ftp://evil.example",
        "/console?next=//evil.example",
    ] {
        let mut browser = Browser::new(&world);
        assert_eq!(browser.sign_in(DANA, next).await, "/console", "{next:?}");
    }
}

#[tokio::test]
async fn a_session_ends_by_itself_and_when_its_owner_says_so() {
    let world = World::new().await;
    let mut browser = Browser::of(&world, DANA).await;
    for _ in 0..6 {
        world.stack.clock.advance(TimeDelta::minutes(29)).unwrap();
        browser.get("/console").await.expect(200);
    }
    world.stack.clock.advance(TimeDelta::minutes(31)).unwrap();
    browser.get("/console").await.expect(303);

    // However busy somebody is.
    let mut busy = Browser::of(&world, DANA).await;
    for _ in 0..23 {
        world.stack.clock.advance(TimeDelta::minutes(25)).unwrap();
        busy.get("/console").await.expect(200);
    }
    world.stack.clock.advance(TimeDelta::minutes(26)).unwrap();
    busy.get("/console").await.expect(303);

    let (mut one, mut other, mut robin) =
        (Browser::of(&world, DANA).await, Browser::of(&world, DANA).await, Browser::of(&world, ROBIN).await);
    let kept = one.cookies.clone();
    one.post("/console/sign-out", &[("where", "here")]).await.expect(200);
    assert!(one.cookies.is_empty());
    one.cookies = kept;
    one.get("/console").await.expect(303);
    other.get("/console").await.expect(200);

    let mut third = Browser::of(&world, DANA).await;
    third.post("/console/sign-out", &[("where", "everywhere")]).await.expect(200);
    other.get("/console").await.expect(303);
    robin.get("/console").await.expect(200);
}

#[tokio::test]
async fn a_cookie_that_somebody_else_chose_is_not_signed_in() {
    let world = World::new().await;
    let victim = Browser::of(&world, DANA).await;
    let cookie = victim.cookies["__Host-lethe"].clone();

    // What was there before signing in is not what is there afterwards.
    let mut fixed = Browser::new(&world);
    fixed.cookies.insert("__Host-lethe".into(), cookie.clone());
    fixed.sign_in(ROBIN, "/console").await;
    assert_ne!(fixed.cookies["__Host-lethe"], cookie);
    assert!(fixed.text("/console").await.contains("Robin Rask"));

    let mut flipped = cookie.clone().into_bytes();
    for place in [0, 10, 25, 40, 60] {
        let before = flipped[place];
        flipped[place] = if before == b'A' { b'B' } else { b'A' };
        let mut browser = Browser::new(&world);
        browser.cookies.insert("__Host-lethe".into(), String::from_utf8(flipped.clone()).unwrap());
        browser.get("/console").await.expect(303);
        flipped[place] = before;
    }
    // A second cookie of the name, such as a neighbouring site would set, opens nothing.
    let twice = format!("__Host-lethe={cookie}; __Host-lethe={cookie}");
    send(world.call(Method::GET, "/console").header("cookie", twice)).await.expect(303);
    // No copy of the table opens anything.
    let secret = &cookie[35..];
    assert!(world.items("lethe").await.iter().all(|item| !item.contains(secret)));
}

#[tokio::test]
async fn a_form_that_is_not_ours_is_refused() {
    let world = world_with_alice().await;
    let mut dana = Browser::of(&world, DANA).await;
    let request = make(&mut dana, "alice@example.com", "correction", "Born in May").await;
    let person = person_path(&mut dana, "alice@example.com").await;
    let foreign = Browser::of(&world, DANA).await.form_token().await;
    let token = dana.form_token().await;
    let before = world.items("lethe").await;

    let forms: Vec<&Route> = pages().filter(|route| route.method == Method::POST).collect();
    for route in forms.iter().filter(|route| route.credentials == Credentials::Session) {
        let path = path(route, &request, &person);
        let fields =
            [("where", "here"), ("version", "1"), ("kind", "access"), ("remarks", "x"), ("plan", "x")];
        let all = |extra: &[(&'static str, String)]| -> Vec<(&str, String)> {
            fields
                .iter()
                .map(|&(name, value)| (name, value.to_owned()))
                .chain(extra.iter().cloned())
                .collect()
        };
        for extra in [
            vec![],
            vec![("form_token", String::new())],
            vec![("form_token", foreign.clone())],
            vec![("form_token", token.to_lowercase())],
            vec![("form_token", token.clone()), ("form_token", token.clone())],
            vec![("Form_token", token.clone())],
        ] {
            let reply = send(dana.call(Method::POST, &path).form(&all(&extra))).await;
            assert_eq!(reply.status, 403, "{}: {extra:?}", route.name);
        }
        let good = all(&[("form_token", token.clone())]);
        for (name, value) in [
            ("origin", "https://evil.example"),
            ("origin", "null"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let reply = send(dana.call(Method::POST, &path).form(&good).header(name, value)).await;
            assert_eq!(reply.status, 403, "{}: {name}", route.name);
        }
        // JSON is no form, and no page of another site sends it without asking.
        let json = json!({"form_token": token, "where": "here"});
        assert_eq!(send(dana.call(Method::POST, &path).json(&json)).await.status, 403, "{}", route.name);
    }
    assert_eq!(world.items("lethe").await, before);
}

/// Whether somebody may call a route.
fn may(staff: &Staff, route: &Route) -> bool {
    let has = |permission: &Permission| staff.permissions.contains(permission);
    match route.allow {
        Allow::Anyone => true,
        Allow::AnyOf(all) => all.iter().any(has),
        Allow::AllOf(all) => all.iter().all(has),
    }
}

#[tokio::test]
async fn everybody_sees_and_does_what_their_permissions_say() {
    let world = world_with_alice().await;
    let mut dana = Browser::of(&world, DANA).await;
    let request = make(&mut dana, "alice@example.com", "correction", "Born in May").await;
    let person = person_path(&mut dana, "alice@example.com").await;

    for staff in &STAFF {
        let mut browser = Browser::of(&world, staff.sub).await;
        for route in pages().filter(|route| route.credentials == Credentials::Session) {
            let path = path(route, &request, &person);
            if may(staff, route) && route.method == Method::POST {
                continue;
            }
            let reply = match route.method {
                Method::GET => browser.get(&path).await,
                _ => browser.post(&path, &[]).await,
            };
            let expected = match (may(staff, route), route.path.contains("{attachment_id}")) {
                (true, false) => 200,
                (true, true) => 404,
                (false, _) => 403,
            };
            assert_eq!(reply.status, expected, "{} as {}", route.name, staff.name);
        }
    }
    for (sub, forms) in [("staff-alex", 1), (CASEY, 1), (ROBIN, 5), (DANA, 5)] {
        let page = Browser::of(&world, sub).await.text(&request).await;
        assert_eq!(page.matches("<form").count(), forms, "{sub}: without the right there is no form");
    }
    let nobody = Browser::of(&world, "staff-noa").await.text("/console").await;
    assert!(nobody.contains("no permission") && !nobody.contains("/console/requests"));
}

#[tokio::test]
async fn a_request_is_made_answered_and_told() {
    let world = world_with_alice().await;
    let mut casey = Browser::of(&world, CASEY).await;
    let request = make(&mut casey, "alice@example.com", "correction", "Born in May, not March").await;
    world.drain().await;
    assert_eq!(world.mails_to("alice@example.com").len(), 1, "the receipt");

    let mut robin = Browser::of(&world, ROBIN).await;
    let overview = robin.text("/console").await;
    assert!(overview.contains(&request) && overview.contains("31 days left"), "{overview}");
    assert!(robin.text("/console/requests").await.contains(&request));
    let page = robin.text(&request).await;
    assert!(page.contains("Born in May, not March"));
    let version = field(&page, "version");
    let confirmed = [
        ("version", version.as_str()),
        ("comment", "We have corrected your date of birth."),
        ("remarks", "Saw the passport"),
        ("notify", "yes"),
    ];
    robin.post(&format!("{request}/confirm"), &confirmed).await.expect(303);
    world.drain().await;

    let (_, mail) = world.mails_to("alice@example.com").pop().unwrap();
    assert!(mail.contains("We have corrected your date of birth.") && mail.contains("Robin Rask"), "{mail}");
    assert!(!mail.contains("passport"));
    let page = robin.text(&request).await;
    assert!(page.contains("Saw the passport") && page.contains("Confirmed as processed"));
    assert!(!page.contains("/confirm\""), "it is closed once");
    assert!(!robin.text("/console/requests").await.contains(&request));
    assert!(robin.text("/console/requests?status=confirmed").await.contains(&request));
    // The API says the same.
    let id = request.rsplit('/').next().unwrap();
    let alice = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"alice");
    let api = format!("/api/rest/users/{alice}/personaldatarequest/{id}");
    let known = send(world.as_trivore(Method::GET, &api)).await.expect(200).json();
    assert_eq!(known["commentForUser"], "We have corrected your date of birth.");
    assert_eq!(known["confirmBy"], "Robin Rask");
}

#[tokio::test]
async fn of_two_who_confirm_at_once_one_wins_and_the_other_is_told() {
    let world = world_with_alice().await;
    let mut dana = Browser::of(&world, DANA).await;
    let mut robin = Browser::of(&world, ROBIN).await;
    for round in 0..5 {
        let request = make(&mut dana, "alice@example.com", "correction", &format!("Round {round}")).await;
        // Both have opened the page; its mail may be on its way.
        world.drain().await;
        let version = field(&dana.text(&request).await, "version");
        let (ours, theirs) = (dana.form_token().await, robin.form_token().await);
        let path = format!("{request}/confirm");
        let confirm = |browser: &Browser<'_>, token: &str, comment: &str| {
            let fields = [("version", version.as_str()), ("comment", comment), ("form_token", token)];
            send(browser.call(Method::POST, &path).form(&fields))
        };

        let (one, other) =
            futures_util::future::join(confirm(&dana, &ours, "Dana's"), confirm(&robin, &theirs, "Robin's"))
                .await;

        let statuses = BTreeSet::from([one.status, other.status]);
        assert_eq!(statuses, BTreeSet::from([303, 409]));
        let told = if one.status == 409 { one } else { other };
        assert!(String::from_utf8(told.bytes).unwrap().contains("Somebody was faster"));
        // Once more is too often.
        assert_eq!(confirm(&dana, &ours, "again").await.status, 409);
    }
}

#[tokio::test]
async fn one_click_starts_a_takeout_and_a_plan_is_seen_before_anything_is_erased() {
    let world = world_with_alice().await;
    let mut dana = Browser::of(&world, DANA).await;
    let access = make(&mut dana, "alice@example.com", "access", "Wants a copy").await;

    let started = dana.post(&format!("{access}/takeout"), &[]).await.expect(200);
    let started = String::from_utf8(started.bytes).unwrap();
    let (_, password) = started.split_once("<p class=\"password\"><code>").unwrap();
    let password = password.split_once('<').unwrap().0;
    assert_eq!(password.len(), 23);
    world.drain().await;
    assert!(dana.text(&access).await.contains("can be fetched"));
    assert!(world.items("lethe").await.iter().all(|item| !item.contains(password)));
    dana.post(&format!("{access}/takeout"), &[]).await.expect(409);

    let erasure = make(&mut dana, "alice@example.com", "erasure", "Wants everything gone").await;
    let planned = dana.post(&format!("{erasure}/plan"), &[]).await.expect(200);
    let planned = String::from_utf8(planned.bytes).unwrap();
    assert!(planned.contains("shop.customers") && planned.contains("Erase 3 rows"), "{planned}");
    assert_eq!(world.rows_of("alice@example.com").await, 3);
    let plan = field(&planned, "plan");
    let person = dana.post(&format!("{erasure}/purge"), &[("plan", &plan)]).await.expect(303);
    world.drain().await;

    assert_eq!(world.rows_of("alice@example.com").await, 0);
    let page = dana.text(person.header("location")).await;
    assert!(page.contains("erased") && !page.contains("alice@example.com"), "{page}");
    dana.post(&format!("{erasure}/plan"), &[]).await.expect(409);
}

#[tokio::test]
async fn an_erasure_is_called_off_while_it_waits() {
    let world = world_with_alice().await;
    let alice = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"alice");
    send(world.as_admin(Method::POST, &format!("/users/v1/person/{alice}/purge")).json(&json!({})))
        .await
        .expect(202);
    let mut dana = Browser::of(&world, DANA).await;
    let person = person_path(&mut dana, &alice.to_string()).await;
    assert!(dana.text(&person).await.contains("Call off the erasure"));

    dana.post(&format!("{person}/call-off"), &[]).await.expect(303);

    let page = dana.text(&person).await;
    assert!(page.contains("called off") && !page.contains("Call off the erasure"));
    world.advance(TimeDelta::days(40)).await;
    assert_eq!(world.rows_of("alice@example.com").await, 3);
}

#[tokio::test]
async fn the_list_is_filtered_sorted_and_turned_page_by_page() {
    let world = world_with_alice().await;
    world.register("bob", "bob@example.com").await;
    let path = "/api/rest/users/bob/personaldatarequest";
    for number in 0..120 {
        let kind = if number % 3 == 0 { "CORRECTION" } else { "PROCESSING_RESTRICTION" };
        let ask = json!({"requestType": kind, "requestRemarks": format!("Number {number}")});
        send(world.as_trivore(Method::POST, path).json(&ask)).await.expect(201);
        world.stack.clock.advance(TimeDelta::hours(1)).unwrap();
    }
    let mut alex = Browser::of(&world, "staff-alex").await;
    let listed = async |alex: &mut Browser<'_>, path: &str| {
        let (mut ids, mut next) = (Vec::new(), Some(path.to_owned()));
        while let Some(path) = next.take() {
            let page = alex.text(&path).await;
            assert!(page.len() <= 60 * 1024, "{} bytes", page.len());
            let rows = page.split("<tr><td><a href=\"").skip(1);
            ids.extend(rows.map(|row| row.split_once('"').unwrap().0.to_owned()));
            let link = page.split_once("\" class=\"button plain-button\">Next page");
            next = link.map(|(before, _)| before.rsplit_once("href=\"").unwrap().1.replace("&#38;", "&"));
        }
        ids
    };

    let due = listed(&mut alex, "/console/requests").await;
    assert_eq!(due.len(), 120);
    assert_eq!(due.iter().collect::<BTreeSet<_>>().len(), 120, "none comes twice");
    let newest = listed(&mut alex, "/console/requests?order=newest").await;
    assert!(newest.iter().eq(due.iter().rev()) || newest.len() == 120);
    let oldest = listed(&mut alex, "/console/requests?status=all&order=oldest").await;
    assert!(oldest.iter().eq(newest.iter().rev()));
    assert_eq!(listed(&mut alex, "/console/requests?kind=correction").await.len(), 40);
    assert_eq!(listed(&mut alex, "/console/requests?door=pace").await.len(), 0);
    assert_eq!(listed(&mut alex, "/console/requests?status=confirmed").await.len(), 0);
    assert_eq!(listed(&mut alex, "/console/requests?from=2026-03-03&to=2026-03-03").await.len(), 24);
    assert_eq!(listed(&mut alex, "/console/requests?due=overdue").await.len(), 0);
    world.stack.clock.advance(TimeDelta::days(28)).unwrap();
    let mut alex = Browser::of(&world, "staff-alex").await;
    let late = listed(&mut alex, "/console/requests?due=overdue").await.len();
    assert!(0 < late && late < 120, "{late}");
    alex.get("/console/requests?cursor=x").await.expect(400);
    alex.get("/console/requests?kind=x").await.expect(400);
}

/// What would be a formula in a spreadsheet, if it were let.
const FORMULAS: [&str; 50] = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(1)",
    "=HYPERLINK(\"https://evil.example\",\"x\")",
    "=cmd|'/C calc'!A0",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    " =1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "=IMPORTXML(\"https://evil.example\")",
    "=WEBSERVICE(\"https://evil.example\")",
    "=DDE(\"cmd\";\"/C calc\";\"x\")",
    "+cmd|'/C calc'!A0",
    "-cmd|'/C calc'!A0",
    "@cmd|'/C calc'!A0",
    "=A1",
    "=A1:B2",
    "={1,2}",
    "{=1+1}",
    "=\"x\"",
    "='x'!A1",
    "https://evil.example",
    "http://evil.example",
    "ftp://evil.example",
    "mailto:evil@evil.example",
    "internal:Sheet1!A1",
    "external:c:\\x.xlsx",
    "file:///etc/passwd",
    "\\\\evil\\share",
    "=1",
    "=-1",
    "=+1",
    "==1",
    "=(1)",
    "=SUM(1;2)",
    "=NOW()",
    "=INDIRECT(\"A1\")",
    "%0A=1+1",
    "\u{feff}=1+1",
    "\u{200b}=1+1",
    "'=1+1",
    "\"=1+1",
    ";=1+1",
    ",=1+1",
    "|=1+1",
];

#[tokio::test]
async fn a_spreadsheet_holds_what_is_filtered_as_text_alone() {
    let world = World::new().await;
    world.register("bob", "bob@example.com").await;
    let path = "/api/rest/users/bob/personaldatarequest";
    for remarks in FORMULAS {
        let ask = json!({"requestType": "CORRECTION", "requestRemarks": remarks});
        send(world.as_trivore(Method::POST, path).json(&ask)).await.expect(201);
    }
    let ask = json!({"requestType": "REMOVAL", "requestRemarks": "another kind"});
    send(world.as_trivore(Method::POST, path).json(&ask)).await.expect(201);
    let mut alex = Browser::of(&world, "staff-alex").await;

    let reply = alex.get("/console/requests.xlsx?kind=correction").await.expect(200);
    assert!(reply.header("content-disposition").starts_with("attachment; filename=\"requests-"));
    let file = world.folder.path().join("requests.xlsx");
    std::fs::write(&file, &reply.bytes).unwrap();
    let read = "import openpyxl, sys, json\n\
                sheet = openpyxl.load_workbook(sys.argv[1]).active\n\
                cells = [cell for row in sheet.iter_rows() for cell in row]\n\
                assert all(cell.data_type != 'f' and cell.hyperlink is None for cell in cells)\n\
                print(json.dumps([[cell.value for cell in row] for row in sheet.iter_rows()]))\n";
    let python = format!("{}/target/python/bin/python", synth::WORKSPACE);
    let output = std::process::Command::new(python).args(["-c", read]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Vec<Vec<serde_json::Value>> = serde_json::from_slice(&output.stdout).unwrap();

    assert_eq!(rows.len(), 1 + FORMULAS.len());
    assert_eq!(rows[0][0], "Number");
    let remarks: BTreeSet<&str> = rows[1..].iter().filter_map(|row| row[7].as_str()).collect();
    for formula in ["=1+1", "@SUM(1)", "https://evil.example"] {
        assert!(remarks.contains(formula), "{formula} in {remarks:?}");
    }
}

/// What would run in a page, if it were let.
const SCRIPTS: [&str; 30] = [
    "<script>alert(1)</script>",
    "\"><script>alert(1)</script>",
    "'><img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)>",
    "<svg/onload=alert(1)>",
    "<body onload=alert(1)>",
    "<iframe src=javascript:alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "</textarea><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "<style>@import 'x'</style>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<input autofocus onfocus=alert(1)>",
    "<marquee onstart=alert(1)>",
    "<video><source onerror=alert(1)>",
    "<object data=javascript:alert(1)>",
    "<embed src=javascript:alert(1)>",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=javascript:alert(1)>",
    "<link rel=stylesheet href=//evil.example>",
    "<form action=//evil.example><button>x</button></form>",
    "{{7*7}}",
    "${alert(1)}",
    "<!--><script>alert(1)-->",
    "<scr\u{0}ipt>alert(1)</script>",
    "\u{ff1c}script\u{ff1e}alert(1)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
];

#[tokio::test]
async fn what_people_write_is_shown_and_never_run() {
    let world = world_with_alice().await;
    let mut dana = Browser::of(&world, DANA).await;
    let alice = Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"alice");
    let tags = |page: &str| -> BTreeSet<String> {
        let tags = page.split('<').skip(1).map(|rest| rest.split([' ', '>', '/']).next().unwrap().to_owned());
        tags.collect()
    };
    let known = tags(include_str!("../../shared/pages/templates/base.html"));
    let ours = |page: &str| {
        let elements = [
            "header",
            "nav",
            "form",
            "button",
            "bdi",
            "section",
            "dl",
            "div",
            "dt",
            "dd",
            "span",
            "time",
            "blockquote",
            "h2",
            "h3",
            "label",
            "textarea",
            "input",
            "ul",
            "ol",
            "li",
            "a",
            "p",
            "h1",
            "table",
            "caption",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
            "code",
            "details",
            "summary",
            "select",
            "option",
            "strong",
            "main",
            "br",
            "svg",
            "g",
            "rect",
            "line",
            "text",
            "title",
            "pre",
            "",
        ];
        let strange: Vec<String> = tags(page)
            .into_iter()
            .filter(|tag| !known.contains(tag) && !elements.contains(&tag.trim_start_matches('!')))
            .collect();
        assert!(strange.is_empty(), "{strange:?} in {page}");
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<iframe"));
    };
    for script in SCRIPTS {
        let made = send(
            world
                .as_trivore(Method::POST, &format!("/api/rest/users/{alice}/personaldatarequest"))
                .json(&json!({"requestType": "CORRECTION", "requestRemarks": script})),
        )
        .await
        .expect(201)
        .json();
        let request = format!("/console/requests/{}", made["id"].as_str().unwrap());
        let page = dana.text(&request).await;
        ours(&page);
        let fields = [
            ("version", &*field(&page, "version")),
            ("comment", script),
            ("remarks", script),
            ("notify", "yes"),
        ]
        .map(|(name, value)| (name, value.to_owned()));
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        dana.post(&format!("{request}/confirm"), &fields).await.expect(303);
        // The manager, the list, the person, the search, an error.
        ours(&dana.text(&request).await);
        let found = dana.post("/console/persons", &[("identity", script)]).await;
        ours(&String::from_utf8(found.bytes).unwrap());
        let encoded: String = url::form_urlencoded::byte_serialize(script.as_bytes()).collect();
        for path in [format!("/console/requests?kind={encoded}"), format!("/receipt?code={encoded}")] {
            ours(&String::from_utf8(dana.get(&path).await.bytes).unwrap());
        }
    }
    world.drain().await;
    let link = send(
        world.as_trivore(Method::POST, &format!("/api/rest/users/{alice}/personaldatarequest/view-uri")),
    )
    .await
    .expect(200)
    .json();
    let link = link["viewUri"].as_str().unwrap().strip_prefix(&world.stack.gateway).unwrap().to_owned();
    dana.post_bare(&link, &[]).await.expect(303);
    ours(&dana.text("/personal-data-view/requests").await);
    for path in ["/console", "/console/requests?status=all"] {
        ours(&dana.text(path).await);
    }
    for mail in world.stack.outbox.to("alice@example.com") {
        ours(&mail.html.unwrap());
    }
}

#[tokio::test]
async fn every_page_keeps_itself_to_itself() {
    let world = world_with_alice().await;
    let mut dana = Browser::of(&world, DANA).await;
    let request = make(&mut dana, "alice@example.com", "correction", "Born in May").await;
    let person = person_path(&mut dana, "alice@example.com").await;
    let own = |path: &str| {
        let routes = pages().filter(|route| route.method == Method::GET);
        routes.map(|route| self::path(route, &request, &person)).chain([path.to_owned()]).collect::<Vec<_>>()
    };
    for path in own("/console/requests/00000000-0000-0000-0000-000000000000") {
        for call in [dana.call(Method::GET, &path), world.call(Method::GET, &path)] {
            let reply = send(call).await;
            let header = |name: &str| reply.header(name).to_owned();
            assert_eq!(header("cache-control"), "no-store", "{path}");
            assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
            assert_eq!(header("cross-origin-opener-policy"), "same-origin", "{path}");
            assert_eq!(header("cross-origin-resource-policy"), "same-origin", "{path}");
            assert!(header("strict-transport-security").starts_with("max-age=31536000"), "{path}");
            let policy = header("content-security-policy");
            assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
            assert!(
                policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
                "{path}: {policy}"
            );
            assert_eq!(header("access-control-allow-origin"), "", "{path}");
            let page = String::from_utf8_lossy(&reply.bytes).into_owned();
            if reply.header("content-type").starts_with("text/html") {
                assert!(
                    policy.contains("style-src 'sha256-") && policy.contains("require-trusted-types-for")
                );
                assert!(
                    !page.contains("src=") && !page.contains("<link") && !page.contains("@import"),
                    "{path}"
                );
            }
        }
    }
    // The API's own answers are nothing to look at.
    let health = send(world.call(Method::GET, "/lethe/v1/health")).await;
    assert_eq!(health.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
}
