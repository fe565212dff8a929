//! Mails in Finnish.

use domain::deadline::Regime;

use super::{
    ConfirmAddress, ExtensionGround, Kind, Letter, Locale, OneTimeCode, Outcome, PurgeDone, PurgeQueued,
    Refusal, Regimes, RequestConfirmed, RequestExtended, RequestReceived, TakeoutElsewhere, TakeoutFailed,
    TakeoutReady, time,
};

pub(super) const GREETING: &str = "Hei,";
pub(super) const FOOTER: &str =
    "Tämä viesti lähetettiin automaattisesti henkilötietojasi koskevan pyynnön vuoksi.";

const RECEIPT: &str = "Pyynnön tilan näet täältä milloin tahansa:";

pub(super) fn takeout_ready(mail: &TakeoutReady<'_>) -> Letter {
    Letter::new("Tietosi ovat valmiina")
        .text("Tilattu jäljennös henkilötiedoistasi on valmis:")
        .link(mail.link)
        .text(format!(
            "Noudettavissa {} saakka. Sen jälkeen jäljennös poistetaan; voit aina tilata uuden.",
            time::moment_in(Locale::Fi, mail.expires)
        ))
        .text(
            "Paketti on lukittu salasanalla, joka valittiin tilauksen yhteydessä. Emme säilytä salasanaa \
             emmekä voi palauttaa sitä. Paketin avaamiseen tarvitset ohjelman, joka tuntee \
             AES-salauksen; nämä ovat ilmaisia:",
        )
        .list([
            "Windows: 7-Zip (7-zip.org). Resurssienhallinta ei itse osaa avata pakettia.",
            "macOS: Keka (keka.io) tai The Unarchiver (theunarchiver.com). Arkistointityökalu ei itse osaa \
             avata pakettia.",
            "Linux: 7z x TIEDOSTO tai bsdtar -xf TIEDOSTO",
        ])
        .text("Avaa sitten index.html: siinä kerrotaan, mitä paketti sisältää.")
        .text("Jos et ole tilannut tätä, älä avaa linkkiä, ja ilmoita meille.")
}

pub(super) fn confirm_address(mail: &ConfirmAddress<'_>) -> Letter {
    Letter::new("Vahvista, minne tietosi lähetetään")
        .text(
            "Joku pyysi jäljennöstä henkilötiedoistasi toimitettavaksi osoitteeseen, jota emme tunne. Siksi \
             kysymme ensin sinulta, osoitteesta, jonka tunnemme.",
        )
        .text("Jos se olit sinä, vahvista pyyntö tällä sivulla:")
        .link(mail.link)
        .text(format!("Linkki toimii kerran, {} saakka.", time::moment_in(Locale::Fi, mail.expires)))
        .text(
            "Jos se et ollut sinä, sinun ei tarvitse tehdä mitään: ilman vahvistustasi mitään ei toimiteta.",
        )
}

pub(super) fn takeout_elsewhere(_: &TakeoutElsewhere) -> Letter {
    Letter::new("Tietosi lähetettiin toiseen osoitteeseen")
        .text(
            "Henkilötietojesi jäljennös on valmis. Linkki siihen lähetettiin toiseen osoitteeseen, kuten tästä \
             osoitteesta vahvistettiin.",
        )
        .text(
            "Jos se et ollut sinä, ilmoita meille heti: jäljennöksen voi vielä perua, ja se aukeaa vain \
             salasanallaan.",
        )
}

pub(super) fn takeout_failed(_: &TakeoutFailed) -> Letter {
    Letter::new("Emme saaneet tietojasi valmiiksi")
        .text(
            "Emme valitettavasti onnistuneet tekemään jäljennöstä henkilötiedoistasi. Mitään ei ole \
             toimitettu kenellekään, ja tietosi ovat ennallaan.",
        )
        .text(
            "Tilaa jäljennös uudelleen. Jos se ei vieläkään onnistu, ilmoita meille: sinulla on siihen \
             oikeus, ja löydämme toisen tavan.",
        )
}

pub(super) fn purge_queued(mail: &PurgeQueued) -> Letter {
    Letter::new("Tietosi poistetaan")
        .text(format!(
            "Olemme saaneet pyynnön poistaa henkilötietosi. Poiston ajankohta on {} tai pian sen jälkeen.",
            time::moment_in(Locale::Fi, mail.due)
        ))
        .text(
            "Siihen saakka vain säilytämme niitä. Poistoa ei voi perua jälkikäteen; jos haluat jäljennöksen, \
             tilaa se sitä ennen.",
        )
        .text("Jos et pyytänyt tätä, ilmoita meille ennen tuota päivää.")
}

pub(super) fn purge_done(mail: &PurgeDone<'_>) -> Letter {
    let letter = if mail.kept_because.is_empty() {
        Letter::new("Tietosi on poistettu").text(
            "Henkilötietosi on poistettu lukuun ottamatta niitä, jotka laki velvoittaa meidät säilyttämään.",
        )
    } else {
        Letter::new("Osa tiedoistasi on poistettu")
            .text("Henkilötietosi on poistettu lukuun ottamatta niitä, jotka säilytetään näistä syistä:")
            .list(mail.kept_because.iter().copied())
            .texts(remedies(mail.regimes))
    };
    letter.text(RECEIPT).link(mail.receipt).text(
        "Varmuuskopioissa olevat jäljennökset korvautuvat seuraavassa kierrossa. Tämä on viimeinen viesti \
         asiasta.",
    )
}

pub(super) fn request_received(mail: &RequestReceived<'_>) -> Letter {
    let asked = match mail.kind {
        Kind::Access => "Olemme saaneet pyyntösi saada jäljennös henkilötiedoistasi.",
        Kind::Erasure => "Olemme saaneet pyyntösi poistaa henkilötietosi.",
        Kind::Correction => "Olemme saaneet pyyntösi oikaista henkilötietojasi.",
        Kind::Restriction => "Olemme saaneet pyyntösi rajoittaa henkilötietojesi käsittelyä.",
    };
    Letter::new("Olemme saaneet pyyntösi")
        .text(asked)
        .text(format!(
            "Vastaamme sinulle viimeistään {}. Jos tarvitsemme lisää aikaa, kerromme sen ja sen syyn ennen \
             tuon päivän loppua.",
            time::day_in(Locale::Fi, mail.last_day)
        ))
        .text("Jos emme voi olla varmoja, että pyyntö tulee sinulta, pyydämme sinulta ensin lisätietoja.")
        .text(RECEIPT)
        .link(mail.receipt)
        .text("Jos et pyytänyt tätä, ilmoita meille.")
}

pub(super) fn request_extended(mail: &RequestExtended<'_>) -> Letter {
    let ground = match mail.ground {
        ExtensionGround::Complexity => {
            "Tarvitsemme lisää aikaa vastataksemme henkilötietojasi koskevaan pyyntöösi, koska se on \
             monimutkainen."
        }
        ExtensionGround::Number => {
            "Tarvitsemme lisää aikaa vastataksemme henkilötietojasi koskevaan pyyntöösi, koska pyyntöjä on \
             paljon."
        }
    };
    Letter::new("Tarvitsemme lisää aikaa pyyntöösi")
        .text(ground)
        .quote("Kirjoitimme sinulle:", mail.reason)
        .text(format!("Vastaamme sinulle viimeistään {}.", time::day_in(Locale::Fi, mail.last_day)))
        .text(RECEIPT)
        .link(mail.receipt)
}

pub(super) fn request_confirmed(mail: &RequestConfirmed<'_>) -> Letter {
    let letter = match mail.outcome {
        Outcome::Done => {
            Letter::new("Pyyntöösi on vastattu").text("Henkilötietojasi koskevaan pyyntöösi on vastattu.")
        }
        Outcome::Partly => Letter::new("Pyyntösi on osittain toteutettu")
            .text("Olemme toteuttaneet henkilötietojasi koskevan pyyntösi osittain."),
        Outcome::Refused(refusal) => Letter::new("Pyyntösi on evätty")
            .text("Olemme päättäneet olla toteuttamatta henkilötietojasi koskevaa pyyntöäsi.")
            .text(because(refusal)),
    };
    letter
        .quote("Kirjoitimme sinulle:", mail.comment_for_user)
        .name("Vahvistanut", mail.confirmed_by)
        .texts(remedies(mail.regimes))
}

pub(super) fn one_time_code(mail: &OneTimeCode<'_>) -> Letter {
    Letter::new("Vahvistuskoodisi")
        .text("Tällä koodilla vahvistat, että tämä osoite on sinun:")
        .code(mail.code)
        .text(format!("Koodi toimii kerran, {} minuutin ajan.", mail.life.num_minutes()))
        .text("Syötä se kuittisi sivulle, ei muualle. Emme koskaan kysy sitä puhelimessa tai viestillä.")
        .link(mail.receipt)
        .text("Jos et pyytänyt koodia, sinun ei tarvitse tehdä mitään.")
}

fn because(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotIdentified => {
            "Syy: emme voineet varmistua siitä, kuka olet tai mitkä tiedot ovat sinun. Voit antaa meille \
             lisätietoja ja pyytää uudelleen."
        }
        Refusal::Unfounded => "Syy: pyyntö on ilmeisen perusteeton.",
        Refusal::Excessive => "Syy: pyyntö on kohtuuton, erityisesti koska se toistaa muita pyyntöjä.",
        Refusal::Exempt => "Syy: laki tekee tässä poikkeuksen.",
    }
}

fn remedies(regimes: &Regimes) -> impl Iterator<Item = &'static str> {
    regimes.iter().map(|regime| match regime {
        Regime::Gdpr => {
            "Jos olet eri mieltä, voit tehdä valituksen tietosuojaviranomaiselle erityisesti siellä, missä \
             asut tai työskentelet tai missä katsot lakia rikotun, tai viedä asian tuomioistuimeen."
        }
        Regime::UkGdpr => {
            "Jos olet eri mieltä, voit Yhdistyneessä kuningaskunnassa valittaa viranomaiselle Information \
             Commissioner (ico.org.uk) tai viedä asian tuomioistuimeen."
        }
        Regime::Ccpa => {
            "Jos olet eri mieltä, voit Kaliforniassa valittaa viranomaiselle California Privacy Protection \
             Agency (cppa.ca.gov) tai osavaltion oikeusministerille (Attorney General)."
        }
    })
}
