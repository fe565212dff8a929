//! Mails in English.

use domain::deadline::Regime;

use super::{
    ConfirmAddress, ExtensionGround, Kind, Letter, Locale, OneTimeCode, Outcome, PurgeDone, PurgeQueued,
    Refusal, Regimes, RequestConfirmed, RequestExtended, RequestReceived, TakeoutElsewhere, TakeoutFailed,
    TakeoutReady, time,
};

pub(super) const GREETING: &str = "Hello,";
pub(super) const FOOTER: &str =
    "This message was sent automatically because of a request about your personal data.";

const RECEIPT: &str = "How your request stands can be seen here at any time:";

pub(super) fn takeout_ready(mail: &TakeoutReady<'_>) -> Letter {
    Letter::new("Your data is ready")
        .text("The copy of your personal data that was ordered is ready:")
        .link(mail.link)
        .text(format!(
            "You can fetch it until {}. After that it is deleted; you can always order another.",
            time::moment_in(Locale::En, mail.expires)
        ))
        .text(
            "The archive is locked with the password that was chosen with the order. We do not keep it and \
             cannot recover it. To open the archive you need a program that knows AES encryption; these are \
             free:",
        )
        .list([
            "Windows: 7-Zip (7-zip.org). Explorer itself cannot open it.",
            "macOS: Keka (keka.io) or The Unarchiver (theunarchiver.com). Archive Utility itself cannot \
             open it.",
            "Linux: 7z x FILE, or bsdtar -xf FILE",
        ])
        .text("Then open index.html: it explains what is in the archive.")
        .text("If you did not order this, do not open the link, and let us know.")
}

pub(super) fn confirm_address(mail: &ConfirmAddress<'_>) -> Letter {
    Letter::new("Please confirm where your data is sent")
        .text(
            "Somebody asked for a copy of your personal data, to be delivered to an address that we do not \
             know. So we ask you first, at the address that we do know.",
        )
        .text("If that was you, please confirm it on this page:")
        .link(mail.link)
        .text(format!("The link works once, until {}.", time::moment_in(Locale::En, mail.expires)))
        .text("If it was not you, you need not do anything: without your confirmation nothing is delivered.")
}

pub(super) fn takeout_elsewhere(_: &TakeoutElsewhere) -> Letter {
    Letter::new("Your data was sent to another address")
        .text(
            "The copy of your personal data is ready. The link to it went to another address, as was confirmed \
             from this one.",
        )
        .text(
            "If that was not you, let us know at once: the copy can still be withdrawn, and it opens with its \
             password alone.",
        )
}

pub(super) fn takeout_failed(_: &TakeoutFailed) -> Letter {
    Letter::new("We could not prepare your data")
        .text(
            "We could not prepare the copy of your personal data, and we are sorry. Nothing was delivered to \
             anyone, and your data is unchanged.",
        )
        .text(
            "Please order it again. If it fails once more, let us know: you have a right to it, and we will \
             find another way.",
        )
}

pub(super) fn purge_queued(mail: &PurgeQueued) -> Letter {
    Letter::new("Your data will be erased")
        .text(format!(
            "We have received a request to erase your personal data. It will be erased on {} or soon after.",
            time::moment_in(Locale::En, mail.due)
        ))
        .text(
            "Until then we only store it. This cannot be undone afterwards; if you want a copy, order one \
             before.",
        )
        .text("If you did not ask for this, let us know before that day.")
}

pub(super) fn purge_done(mail: &PurgeDone<'_>) -> Letter {
    let letter = if mail.kept_because.is_empty() {
        Letter::new("Your data has been erased")
            .text("Your personal data has been erased, except for what the law obliges us to keep.")
    } else {
        Letter::new("Part of your data has been erased")
            .text("Your personal data has been erased, except for what is kept for these reasons:")
            .list(mail.kept_because.iter().copied())
            .texts(remedies(mail.regimes))
    };
    letter.text(RECEIPT).link(mail.receipt).text(
        "Copies in backups are overwritten with their next rotation. This is the last message about it.",
    )
}

pub(super) fn request_received(mail: &RequestReceived<'_>) -> Letter {
    let asked = match mail.kind {
        Kind::Access => "We have received your request for a copy of your personal data.",
        Kind::Erasure => "We have received your request to erase your personal data.",
        Kind::Correction => "We have received your request to correct your personal data.",
        Kind::Restriction => "We have received your request to restrict the use of your personal data.",
    };
    Letter::new("We have received your request")
        .text(asked)
        .text(format!(
            "You will have our answer by {}. Should we need more time, we will tell you before that day is \
             over, and why.",
            time::day_in(Locale::En, mail.last_day)
        ))
        .text(
            "If we cannot be sure that the request comes from you, we will ask you for more information \
             first.",
        )
        .text(RECEIPT)
        .link(mail.receipt)
        .text("If you did not ask for this, let us know.")
}

pub(super) fn request_extended(mail: &RequestExtended<'_>) -> Letter {
    let ground = match mail.ground {
        ExtensionGround::Complexity => {
            "We need more time to answer your request about your personal data, because it is complex."
        }
        ExtensionGround::Number => {
            "We need more time to answer your request about your personal data, because there are many \
             requests."
        }
    };
    Letter::new("We need more time for your request")
        .text(ground)
        .quote("We wrote to you:", mail.reason)
        .text(format!(
            "You will have our answer by {} at the latest.",
            time::day_in(Locale::En, mail.last_day)
        ))
        .text(RECEIPT)
        .link(mail.receipt)
}

pub(super) fn request_confirmed(mail: &RequestConfirmed<'_>) -> Letter {
    let letter = match mail.outcome {
        Outcome::Done => Letter::new("Your request has been answered")
            .text("Your request about your personal data has been answered."),
        Outcome::Partly => Letter::new("Part of your request has been done")
            .text("We have done a part of what you asked for about your personal data."),
        Outcome::Refused(refusal) => Letter::new("Your request has been declined")
            .text("We have decided not to do what you asked for about your personal data.")
            .text(because(refusal)),
    };
    letter
        .quote("We wrote to you:", mail.comment_for_user)
        .name("Confirmed by", mail.confirmed_by)
        .texts(remedies(mail.regimes))
}

pub(super) fn one_time_code(mail: &OneTimeCode<'_>) -> Letter {
    Letter::new("Your confirmation code")
        .text("With this code you confirm that this address is yours:")
        .code(mail.code)
        .text(format!("It works once, for {} minutes.", mail.life.num_minutes()))
        .text("Enter it on the page of your receipt, and nowhere else. We never ask for it by phone or by mail.")
        .link(mail.receipt)
        .text("If you did not ask for a code, you need not do anything.")
}

fn because(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotIdentified => {
            "The reason: we could not make sure who you are or which data is yours. You can give us more \
             information and ask again."
        }
        Refusal::Unfounded => "The reason: the request is manifestly unfounded.",
        Refusal::Excessive => {
            "The reason: the request is excessive, in particular because it repeats others."
        }
        Refusal::Exempt => "The reason: the law makes an exception here.",
    }
}

fn remedies(regimes: &Regimes) -> impl Iterator<Item = &'static str> {
    regimes.iter().map(|regime| match regime {
        Regime::Gdpr => {
            "If you disagree, you can complain to a data protection authority, in particular where you live \
             or work or where you think that the law was broken, or go to court."
        }
        Regime::UkGdpr => {
            "If you disagree, you can complain to the Information Commissioner (ico.org.uk) or go to court."
        }
        Regime::Ccpa => {
            "If you disagree, you can complain to the California Privacy Protection Agency (cppa.ca.gov) or \
             to the Attorney General of California."
        }
    })
}
