#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use domain::{deadline::Regime, identity::SentCode};

use super::*;
use crate::checks::{HOSTILE, check_styled, text_of};

const RECEIPT: &str = "0192f1c4-7d5e-7c3b-9a51-2f6d0c8e4b77";
const REASON: &str = "Your data lies in four archives, one of them on paper.";
const COMMENT: &str = "We have corrected your date of birth.\n\nThe name is as you wrote it.";

const REFUSALS: [Refusal; 4] =
    [Refusal::NotIdentified, Refusal::Unfounded, Refusal::Excessive, Refusal::Exempt];

fn regimes() -> Regimes {
    BTreeSet::from(Regime::ALL).try_into().unwrap()
}

fn last_day() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 6, 1).unwrap()
}

/// Every mail in a language, by its name, with all that staff, stores and settings give it.
fn mails(locale: Locale, link: &str, given: &str, reason: &str, comment: &str) -> Vec<(String, Mail)> {
    let (expires, regimes) = (time::sample(), &regimes());
    let mut mails = vec![
        ("takeout_ready".to_owned(), TakeoutReady { link, expires }.mail(locale)),
        ("confirm_address".to_owned(), ConfirmAddress { link, expires }.mail(locale)),
        ("takeout_elsewhere".to_owned(), TakeoutElsewhere {}.mail(locale)),
        ("takeout_failed".to_owned(), TakeoutFailed {}.mail(locale)),
        ("purge_queued".to_owned(), PurgeQueued { due: expires }.mail(locale)),
        (
            "purge_done".to_owned(),
            PurgeDone { receipt: given, kept_because: &[], regimes: &Regimes::default() }.mail(locale),
        ),
        (
            "purge_partly".to_owned(),
            PurgeDone { receipt: given, kept_because: &[reason, "shared with other people"], regimes }
                .mail(locale),
        ),
        (
            "one_time_code".to_owned(),
            OneTimeCode { receipt: link, code: given, life: SentCode::LIFE }.mail(locale),
        ),
    ];
    for kind in [Kind::Access, Kind::Erasure, Kind::Correction, Kind::Restriction] {
        let received = RequestReceived { receipt: given, kind, last_day: last_day() };
        mails.push((format!("received_{kind:?}"), received.mail(locale)));
    }
    for ground in [ExtensionGround::Complexity, ExtensionGround::Number] {
        let extended = RequestExtended { receipt: given, ground, reason, last_day: last_day() };
        mails.push((format!("extended_{ground:?}"), extended.mail(locale)));
    }
    let outcomes = [Outcome::Done, Outcome::Partly].into_iter().chain(REFUSALS.map(Outcome::Refused));
    for outcome in outcomes {
        let confirmed = RequestConfirmed { outcome, comment_for_user: comment, confirmed_by: given, regimes };
        mails.push((format!("confirmed_{outcome:?}"), confirmed.mail(locale)));
    }
    mails
}

/// What could be sent.
fn samples(locale: Locale) -> Vec<(String, Mail)> {
    mails(locale, "https://privacy.example/takeouts/0192f1c4", RECEIPT, REASON, COMMENT)
}

#[test]
fn every_mail_is_sound() {
    for locale in Locale::ALL {
        for (_, mail) in samples(locale) {
            check_styled(&mail.html, STYLE);
            assert!(mail.html.contains(&format!("<html lang=\"{}\">", locale.tag())));
            assert!(mail.html.len() < 4096, "{} bytes", mail.html.len());
            assert!(!mail.subject.contains(['\r', '\n']), "{}", mail.subject);
            assert!(mail.subject.chars().count() < 60, "{}", mail.subject);
            assert!(mail.text.lines().all(|line| line.chars().count() <= 78), "{}", mail.text);
            assert!(!mail.text.contains(['<', '{']), "{}", mail.text);
            assert!(!mail.text.contains("\n\n\n"), "{}", mail.text);
        }
    }
}

#[test]
fn both_parts_say_the_same() {
    let words =
        |text: &str| text.split_whitespace().filter(|word| *word != "-").collect::<Vec<_>>().join(" ");
    for (_, mail) in Locale::ALL.into_iter().flat_map(samples) {
        let html = text_of(&mail.html);
        let (subject, html) = html.trim().split_once('\n').unwrap();

        assert_eq!(subject, mail.subject);
        assert_eq!(words(html), words(&mail.text));
    }
}

#[test]
fn a_mail_escapes_what_it_is_given() {
    for locale in Locale::ALL {
        let harmless = samples(locale);
        let hostile = mails(locale, HOSTILE, HOSTILE, HOSTILE, HOSTILE);
        for ((name, harmless), (_, mail)) in harmless.into_iter().zip(hostile) {
            check_styled(&mail.html, STYLE);
            assert_eq!(mail.subject, harmless.subject, "subjects hold nothing of a person");
            let is_given = harmless != mail;
            assert_eq!(text_of(&mail.html).contains(HOSTILE), is_given, "{name}");
            let text = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert_eq!(text.contains(HOSTILE), is_given, "{name}: plain text is not escaped");
        }
    }
}

#[test]
fn every_language_has_its_own_words() {
    let [en, de, fi] = Locale::ALL.map(samples);
    for (((name, en), (_, de)), (_, fi)) in en.into_iter().zip(de).zip(fi) {
        assert!(en.subject != de.subject && en.subject != fi.subject && de.subject != fi.subject, "{name}");
        assert!(en.text != de.text && en.text != fi.text && de.text != fi.text, "{name}");
    }
}

#[test]
fn a_takeout_mail_names_a_reader_for_every_platform() {
    for (locale, until) in [
        (Locale::En, "1 May 2026, 12:00 UTC"),
        (Locale::De, "1. Mai 2026, 12:00 Uhr UTC"),
        (Locale::Fi, "1.5.2026 klo 12.00 UTC"),
    ] {
        let mail = TakeoutReady { link: "https://privacy.example", expires: time::sample() }.mail(locale);
        let text = mail.text.split_whitespace().collect::<Vec<_>>().join(" ");

        for word in ["7-Zip", "Keka", "The Unarchiver", "bsdtar", until] {
            assert!(text.contains(word), "{word} is missing");
        }
    }
}

#[test]
fn what_staff_did_not_write_leaves_no_quotation() {
    for locale in Locale::ALL {
        let confirmed = |comment_for_user| {
            let outcome = Outcome::Done;
            let regimes = &Regimes::default();
            RequestConfirmed { outcome, comment_for_user, confirmed_by: "Privacy team", regimes }.mail(locale)
        };

        assert!(!confirmed(" \n").html.contains("<blockquote"));
        assert!(confirmed("Done.").html.contains("<blockquote dir=\"auto\">Done.</blockquote>"));
        assert!(confirmed("Done.").text.contains("Privacy team"));
        assert!(!confirmed(" \n").text.contains("\n\n\n"));
    }
}

#[test]
fn a_refusal_says_why_and_where_to_complain() {
    let refused = |refusal, regimes: &Regimes| {
        let outcome = Outcome::Refused(refusal);
        let mail = RequestConfirmed { outcome, comment_for_user: "", confirmed_by: "Privacy team", regimes };
        mail.mail(Locale::En).text.split_whitespace().collect::<Vec<_>>().join(" ")
    };

    let gdpr = refused(Refusal::Exempt, &Regime::Gdpr.into());
    assert!(gdpr.contains("complain to a data protection authority") && gdpr.contains("go to court"));
    assert!(refused(Refusal::Exempt, &Regime::UkGdpr.into()).contains("Information Commissioner"));
    let ccpa = refused(Refusal::Exempt, &Regime::Ccpa.into());
    assert!(ccpa.contains("Attorney General of California") && !ccpa.contains("data protection authority"));
    let reasons: BTreeSet<String> = REFUSALS.map(|refusal| refused(refusal, &regimes())).into();
    assert_eq!(reasons.len(), REFUSALS.len());
}

#[test]
fn a_new_date_is_told_with_its_reason() {
    for (locale, day) in [(Locale::En, "1 June 2026"), (Locale::De, "1. Juni 2026"), (Locale::Fi, "1.6.2026")]
    {
        let ground = ExtensionGround::Number;
        let extended = RequestExtended { receipt: RECEIPT, ground, reason: REASON, last_day: last_day() };
        let mail = extended.mail(locale);

        assert!(mail.text.contains(day) && mail.text.contains(REASON) && mail.text.contains(RECEIPT));
    }
}

#[test]
fn what_is_kept_is_listed() {
    let regimes = Regimes::default();
    let done =
        |kept_because| PurgeDone { receipt: RECEIPT, kept_because, regimes: &regimes }.mail(Locale::En);

    assert_eq!(done(&[]).subject, "Your data has been erased");
    let partly = done(&["kept under 17(3)(b): tax law (until 10 years)"]);
    assert_eq!(partly.subject, "Part of your data has been erased");
    assert!(partly.html.contains("<li>kept under 17(3)(b): tax law (until 10 years)</li>"));
    assert!(partly.text.contains("data protection authority"));
}
