//! Mails in German.

use domain::deadline::Regime;

use super::{
    ConfirmAddress, ExtensionGround, Kind, Letter, Locale, OneTimeCode, Outcome, PurgeDone, PurgeQueued,
    Refusal, Regimes, RequestConfirmed, RequestExtended, RequestReceived, TakeoutElsewhere, TakeoutFailed,
    TakeoutReady, time,
};

pub(super) const GREETING: &str = "Guten Tag,";
pub(super) const FOOTER: &str =
    "Diese Nachricht wurde automatisch versandt, weil es eine Anfrage zu Ihren personenbezogenen Daten gibt.";

const RECEIPT: &str = "Wie es um die Anfrage steht, sehen Sie jederzeit hier:";

pub(super) fn takeout_ready(mail: &TakeoutReady<'_>) -> Letter {
    Letter::new("Ihre Daten liegen bereit")
        .text("Die bestellte Kopie Ihrer personenbezogenen Daten liegt bereit:")
        .link(mail.link)
        .text(format!(
            "Sie können sie bis zum {} abholen. Danach wird sie gelöscht; Sie können jederzeit eine neue \
             bestellen.",
            time::moment_in(Locale::De, mail.expires)
        ))
        .text(
            "Das Archiv ist mit dem Passwort verschlossen, das bei der Bestellung gewählt wurde. Wir \
             bewahren es nicht auf und können es nicht wiederherstellen. Zum Öffnen brauchen Sie ein \
             Programm, das AES-Verschlüsselung beherrscht; diese sind kostenlos:",
        )
        .list([
            "Windows: 7-Zip (7-zip.org). Der Explorer selbst kann es nicht öffnen.",
            "macOS: Keka (keka.io) oder The Unarchiver (theunarchiver.com). Das Archivierungsprogramm \
             selbst kann es nicht öffnen.",
            "Linux: 7z x DATEI oder bsdtar -xf DATEI",
        ])
        .text("Öffnen Sie dann index.html: Dort steht, was das Archiv enthält.")
        .text("Wenn Sie nichts bestellt haben, öffnen Sie den Link nicht und geben Sie uns Bescheid.")
}

pub(super) fn confirm_address(mail: &ConfirmAddress<'_>) -> Letter {
    Letter::new("Bitte bestätigen Sie, wohin Ihre Daten gehen")
        .text(
            "Jemand hat eine Kopie Ihrer personenbezogenen Daten an eine Adresse bestellt, die wir nicht \
             kennen. Deshalb fragen wir zuerst Sie, an der Adresse, die wir kennen.",
        )
        .text("Wenn Sie das waren, bestätigen Sie es bitte auf dieser Seite:")
        .link(mail.link)
        .text(format!("Der Link gilt einmal, bis zum {}.", time::moment_in(Locale::De, mail.expires)))
        .text("Wenn Sie es nicht waren, müssen Sie nichts tun: Ohne Ihre Bestätigung wird nichts geliefert.")
}

pub(super) fn takeout_elsewhere(_: &TakeoutElsewhere) -> Letter {
    Letter::new("Ihre Daten gingen an eine andere Adresse")
        .text(
            "Die Kopie Ihrer personenbezogenen Daten ist fertig. Der Link dazu ging an eine andere Adresse, wie \
             es von dieser aus bestätigt wurde.",
        )
        .text(
            "Wenn Sie das nicht waren, geben Sie uns sofort Bescheid: Die Kopie kann noch zurückgezogen werden, \
             und sie öffnet sich nur mit ihrem Passwort.",
        )
}

pub(super) fn takeout_failed(_: &TakeoutFailed) -> Letter {
    Letter::new("Wir konnten Ihre Daten nicht bereitstellen")
        .text(
            "Wir konnten die Kopie Ihrer personenbezogenen Daten leider nicht erstellen. Niemand hat etwas \
             erhalten, und Ihre Daten sind unverändert.",
        )
        .text(
            "Bitte bestellen Sie sie noch einmal. Wenn es wieder nicht gelingt, geben Sie uns Bescheid: Sie \
             haben ein Recht darauf, und wir finden einen anderen Weg.",
        )
}

pub(super) fn purge_queued(mail: &PurgeQueued) -> Letter {
    Letter::new("Ihre Daten werden gelöscht")
        .text(format!(
            "Wir haben eine Anfrage erhalten, Ihre personenbezogenen Daten zu löschen. Sie werden am {} oder \
             bald danach gelöscht.",
            time::moment_in(Locale::De, mail.due)
        ))
        .text(
            "Bis dahin speichern wir sie nur noch. Danach lässt es sich nicht rückgängig machen; wenn Sie \
             eine Kopie möchten, bestellen Sie sie vorher.",
        )
        .text("Wenn Sie das nicht wollten, geben Sie uns vor diesem Tag Bescheid.")
}

pub(super) fn purge_done(mail: &PurgeDone<'_>) -> Letter {
    let letter = if mail.kept_because.is_empty() {
        Letter::new("Ihre Daten sind gelöscht").text(
            "Ihre personenbezogenen Daten sind gelöscht, bis auf das, was wir nach dem Gesetz aufbewahren \
             müssen.",
        )
    } else {
        Letter::new("Ein Teil Ihrer Daten ist gelöscht")
            .text(
                "Ihre personenbezogenen Daten sind gelöscht, bis auf das, was aus diesen Gründen \
                 aufbewahrt wird:",
            )
            .list(mail.kept_because.iter().copied())
            .texts(remedies(mail.regimes))
    };
    letter.text(RECEIPT).link(mail.receipt).text(
        "Kopien in Sicherungen werden bei deren nächster Erneuerung überschrieben. Dies ist die letzte \
         Nachricht dazu.",
    )
}

pub(super) fn request_received(mail: &RequestReceived<'_>) -> Letter {
    let asked = match mail.kind {
        Kind::Access => "Wir haben Ihre Bitte um eine Kopie Ihrer personenbezogenen Daten erhalten.",
        Kind::Erasure => "Wir haben Ihre Bitte erhalten, Ihre personenbezogenen Daten zu löschen.",
        Kind::Correction => "Wir haben Ihre Bitte erhalten, Ihre personenbezogenen Daten zu berichtigen.",
        Kind::Restriction => {
            "Wir haben Ihre Bitte erhalten, die Verarbeitung Ihrer personenbezogenen Daten einzuschränken."
        }
    };
    Letter::new("Wir haben Ihre Anfrage erhalten")
        .text(asked)
        .text(format!(
            "Sie erhalten unsere Antwort bis zum {}. Falls wir länger brauchen, sagen wir es Ihnen vor Ablauf \
             dieses Tages, und warum.",
            time::day_in(Locale::De, mail.last_day)
        ))
        .text(
            "Falls wir nicht sicher sein können, dass die Anfrage von Ihnen kommt, bitten wir Sie zuerst um \
             weitere Angaben.",
        )
        .text(RECEIPT)
        .link(mail.receipt)
        .text("Wenn die Anfrage nicht von Ihnen ist, geben Sie uns Bescheid.")
}

pub(super) fn request_extended(mail: &RequestExtended<'_>) -> Letter {
    let ground = match mail.ground {
        ExtensionGround::Complexity => {
            "Wir brauchen mehr Zeit, um Ihre Anfrage zu Ihren personenbezogenen Daten zu beantworten, weil \
             sie komplex ist."
        }
        ExtensionGround::Number => {
            "Wir brauchen mehr Zeit, um Ihre Anfrage zu Ihren personenbezogenen Daten zu beantworten, weil \
             es viele Anfragen gibt."
        }
    };
    Letter::new("Wir brauchen mehr Zeit für Ihre Anfrage")
        .text(ground)
        .quote("Wir schreiben Ihnen dazu:", mail.reason)
        .text(format!(
            "Sie erhalten unsere Antwort spätestens am {}.",
            time::day_in(Locale::De, mail.last_day)
        ))
        .text(RECEIPT)
        .link(mail.receipt)
}

pub(super) fn request_confirmed(mail: &RequestConfirmed<'_>) -> Letter {
    let letter = match mail.outcome {
        Outcome::Done => Letter::new("Ihre Anfrage ist beantwortet")
            .text("Ihre Anfrage zu Ihren personenbezogenen Daten ist beantwortet."),
        Outcome::Partly => Letter::new("Ihre Anfrage ist zum Teil erledigt")
            .text("Wir haben Ihre Anfrage zu Ihren personenbezogenen Daten zum Teil erfüllt."),
        Outcome::Refused(refusal) => Letter::new("Ihre Anfrage ist abgelehnt")
            .text("Wir haben Ihre Anfrage zu Ihren personenbezogenen Daten abgelehnt.")
            .text(because(refusal)),
    };
    letter
        .quote("Wir schreiben Ihnen dazu:", mail.comment_for_user)
        .name("Bestätigt von", mail.confirmed_by)
        .texts(remedies(mail.regimes))
}

pub(super) fn one_time_code(mail: &OneTimeCode<'_>) -> Letter {
    Letter::new("Ihr Bestätigungscode")
        .text("Mit diesem Code bestätigen Sie, dass diese Adresse Ihnen gehört:")
        .code(mail.code)
        .text(format!("Er gilt einmal, {} Minuten lang.", mail.life.num_minutes()))
        .text(
            "Geben Sie ihn auf der Seite Ihres Belegs ein und nirgends sonst. Wir fragen nie am Telefon oder \
             per Mail danach.",
        )
        .link(mail.receipt)
        .text("Wenn Sie keinen Code angefordert haben, müssen Sie nichts tun.")
}

fn because(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotIdentified => {
            "Der Grund: Wir konnten nicht feststellen, wer Sie sind oder welche Daten Ihre sind. Sie können \
             uns weitere Angaben machen und noch einmal anfragen."
        }
        Refusal::Unfounded => "Der Grund: Die Anfrage ist offenkundig unbegründet.",
        Refusal::Excessive => "Der Grund: Die Anfrage ist exzessiv, insbesondere weil sie andere wiederholt.",
        Refusal::Exempt => "Der Grund: Das Gesetz macht hier eine Ausnahme.",
    }
}

fn remedies(regimes: &Regimes) -> impl Iterator<Item = &'static str> {
    regimes.iter().map(|regime| match regime {
        Regime::Gdpr => {
            "Wenn Sie nicht einverstanden sind, können Sie sich bei einer Datenschutzbehörde beschweren, \
             insbesondere dort, wo Sie wohnen oder arbeiten oder wo Ihrer Meinung nach das Recht verletzt \
             wurde, oder vor Gericht gehen."
        }
        Regime::UkGdpr => {
            "Wenn Sie nicht einverstanden sind, können Sie sich im Vereinigten Königreich beim Information \
             Commissioner (ico.org.uk) beschweren oder vor Gericht gehen."
        }
        Regime::Ccpa => {
            "Wenn Sie nicht einverstanden sind, können Sie sich in Kalifornien bei der California Privacy \
             Protection Agency (cppa.ca.gov) oder beim Attorney General beschweren."
        }
    })
}
