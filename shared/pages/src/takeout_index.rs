//! `index.html` inside a takeout: what a person sees first after unpacking.
//!
//! It is opened from a disk, without a network, so that it stands alone; its links and pictures lead to the
//! files beside it.

use askama::Template;
use chrono::{DateTime, Utc};

use crate::render;

/// What is in the archive, and how to read it.
#[derive(Clone, Debug, Template)]
#[template(path = "takeout_index.html")]
pub struct TakeoutIndex<'a> {
    /// In which language.
    pub words: &'static Words,
    /// When the archive was made.
    pub created_at: DateTime<Utc>,
    /// The program that made it.
    pub generator: &'a str,
    /// The collections that were searched, also those without data.
    pub collections: Vec<Collection<'a>>,
    /// What else the person must be told: purposes, recipients, retention, rights, complaint.
    pub facts: Vec<Fact<'a>>,
}

/// What the archive holds of one collection.
#[derive(Clone, Debug, Default)]
pub struct Collection<'a> {
    /// What people call it.
    pub name: &'a str,
    /// What it holds.
    pub description: &'a str,
    /// Categories of personal data.
    pub categories: Vec<&'a str>,
    /// What it is for.
    pub purposes: Vec<&'a str>,
    /// Where the data comes from.
    pub origin: &'a str,
    /// Records in all files together.
    pub records: u64,
    /// The first of them.
    pub table: Option<Table<'a>>,
    /// Files of records.
    pub files: Vec<File<'a>>,
    /// Files of other kinds.
    pub attachments: Vec<Attachment<'a>>,
}

/// Records as people read them.
#[derive(Clone, Debug, Default)]
pub struct Table<'a> {
    /// The names of the fields.
    pub columns: &'a [String],
    /// Of each record, its fields in this order. What it lacks at the end may be left out.
    pub rows: &'a [Vec<String>],
}

/// A file of records.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// Its path in the archive.
    pub name: &'a str,
    /// How many it holds.
    pub records: u64,
}

/// A file that belongs to a collection.
#[derive(Clone, Copy, Debug)]
pub struct Attachment<'a> {
    /// Its path in the archive.
    pub name: &'a str,
    /// What it was called where it came from.
    pub original_name: &'a str,
    /// Its length.
    pub bytes: u64,
}

/// One answer that the law asks for.
#[derive(Clone, Debug)]
pub struct Fact<'a> {
    /// What it is about.
    pub title: &'a str,
    /// The answer; lines are kept.
    pub text: String,
}

/// How many pictures of a collection are shown; of the others there is a link.
const PICTURES: usize = 60;

/// Everything that the page says of itself, in one language.
#[derive(Debug)]
#[expect(missing_docs, reason = "they are what they say")]
pub struct Words {
    pub language: &'static str,
    pub title: &'static str,
    pub made_on: &'static str,
    pub contents: &'static str,
    pub found: &'static str,
    pub nothing: &'static str,
    pub caption: &'static str,
    pub collection: &'static str,
    pub holds: &'static str,
    pub records: &'static str,
    pub other_files: &'static str,
    pub searched: &'static str,
    pub reading: &'static str,
    pub unpack: &'static str,
    pub ndjson: &'static str,
    pub numbered: &'static str,
    pub machines: &'static str,
    pub categories: &'static str,
    pub purposes: &'static str,
    pub origin: &'static str,
    pub origins: [(&'static str, &'static str); 4],
    pub shown_all: &'static str,
    pub shown_some: &'static str,
    pub all_in: &'static str,
    pub picture: &'static str,
    pub facts: &'static str,
    pub made_by: &'static str,
    pub months: [&'static str; 12],
    /// What the law asks to be told (Art. 15(1)), where the company has said nothing itself.
    pub law: Law,
}

/// The answers that the law asks for.
#[derive(Debug)]
#[expect(missing_docs, reason = "they are what they say")]
pub struct Law {
    pub controller: &'static str,
    pub purposes: &'static str,
    pub no_purposes: &'static str,
    pub categories: &'static str,
    pub no_categories: &'static str,
    pub recipients: &'static str,
    pub retention: &'static str,
    pub source: &'static str,
    pub sources: &'static str,
    pub automated: &'static str,
    pub transfers: &'static str,
    pub ask: &'static str,
    pub rights: &'static str,
    pub your_rights: &'static str,
    pub complaint: &'static str,
    pub your_complaint: &'static str,
}

impl Words {
    /// English.
    pub const EN: Self = Self {
        language: "en",
        title: "Your personal data",
        made_on: "This is the copy of your personal data, made on",
        contents: "On this page",
        found: "What was found",
        nothing: "No personal data was found.",
        caption: "Collections that hold data about you",
        collection: "Collection",
        holds: "What it holds",
        records: "Records",
        other_files: "Other files",
        searched: "Searched as well, and nothing found about you:",
        reading: "How to read the files",
        unpack: "Unpack the whole archive first; then the links and pictures on this page work.",
        ndjson: "A file that ends in .ndjson is plain text. Any text editor opens it, such as Notepad, TextEdit or gedit. Every line is one record, written as names and values. Spreadsheet and database programs can import it as “JSON lines”. A file that ends in .csv opens in a spreadsheet program.",
        numbered: "Other files open with the programs that you use for pictures, documents and the like. They are numbered in the archive; their own names are given below.",
        machines: "For machines there is a list of every file with its length and its SHA-256:",
        categories: "Categories of data",
        purposes: "What it is used for",
        origin: "Where it comes from",
        origins: [
            ("provided", "You gave it."),
            ("observed", "It was noted while you used the service."),
            ("derived", "It was computed from other data."),
            ("inferred", "It was concluded from other data, and may be wrong."),
        ],
        shown_all: "All records",
        shown_some: "The first records. This page shows only a part; all of them are in the files.",
        all_in: "All records are in",
        picture: "Picture",
        facts: "What you should know",
        made_by: "Made by",
        months: [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
        law: Law {
            controller: "Who is responsible",
            purposes: "What your data is used for",
            no_purposes: "The company has not said so for the single collections. Ask the company that sent you this copy; it must tell you.",
            categories: "Categories of your data",
            no_categories: "None was found.",
            recipients: "Who receives your data",
            retention: "How long your data is kept",
            source: "Where your data comes from",
            sources: "With each collection it is said where that is known. What is not marked there was given by you or noted while you used the service.",
            automated: "Automated decisions, profiling included",
            transfers: "Transfers to other countries",
            ask: "Ask the company that sent you this copy; it must tell you.",
            rights: "Your rights",
            your_rights: "You may have wrong data corrected and missing data completed, have your data erased, have its use restricted, object to its use, and take what you have given elsewhere (Art. 16 to 21 GDPR). Consent that you gave you may withdraw at any time. Ask the company that sent you this copy.",
            complaint: "Complaints",
            your_complaint: "You may complain to a data protection authority: where you live, where you work, or where you think that the law was broken (Art. 77 GDPR).",
        },
    };

    /// German.
    pub const DE: Self = Self {
        language: "de",
        title: "Ihre personenbezogenen Daten",
        made_on: "Dies ist die Kopie Ihrer personenbezogenen Daten vom",
        contents: "Auf dieser Seite",
        found: "Was gefunden wurde",
        nothing: "Es wurden keine personenbezogenen Daten gefunden.",
        caption: "Sammlungen, die Daten über Sie enthalten",
        collection: "Sammlung",
        holds: "Inhalt",
        records: "Datensätze",
        other_files: "Andere Dateien",
        searched: "Ebenfalls durchsucht, ohne dass etwas über Sie gefunden wurde:",
        reading: "So lesen Sie die Dateien",
        unpack: "Entpacken Sie zuerst das ganze Archiv; dann funktionieren die Links und Bilder auf dieser Seite.",
        ndjson: "Eine Datei mit der Endung .ndjson ist reiner Text. Jeder Texteditor öffnet sie, etwa Editor, TextEdit oder gedit. Jede Zeile ist ein Datensatz aus Namen und Werten. Tabellen- und Datenbankprogramme lesen sie als „JSON Lines“ ein. Eine Datei mit der Endung .csv öffnet sich in einem Tabellenprogramm.",
        numbered: "Andere Dateien öffnen sich mit den Programmen, die Sie für Bilder, Dokumente und Ähnliches verwenden. Im Archiv sind sie nummeriert; ihre eigenen Namen stehen unten.",
        machines: "Für Maschinen gibt es eine Liste aller Dateien mit Länge und SHA-256:",
        categories: "Kategorien von Daten",
        purposes: "Wofür sie verwendet werden",
        origin: "Woher sie kommen",
        origins: [
            ("provided", "Sie haben sie angegeben."),
            ("observed", "Sie wurden festgehalten, während Sie den Dienst nutzten."),
            ("derived", "Sie wurden aus anderen Daten berechnet."),
            ("inferred", "Sie wurden aus anderen Daten geschlossen und können falsch sein."),
        ],
        shown_all: "Alle Datensätze",
        shown_some: "Die ersten Datensätze. Diese Seite zeigt nur einen Teil; alle stehen in den Dateien.",
        all_in: "Alle Datensätze stehen in",
        picture: "Bild",
        facts: "Was Sie wissen sollten",
        made_by: "Erstellt von",
        months: [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ],
        law: Law {
            controller: "Verantwortlicher",
            purposes: "Wofür Ihre Daten verwendet werden",
            no_purposes: "Für die einzelnen Sammlungen hat das Unternehmen es nicht angegeben. Fragen Sie das Unternehmen, von dem Sie diese Kopie haben; es muss Ihnen Auskunft geben.",
            categories: "Kategorien Ihrer Daten",
            no_categories: "Es wurde keine gefunden.",
            recipients: "Wer Ihre Daten erhält",
            retention: "Wie lange Ihre Daten aufbewahrt werden",
            source: "Woher Ihre Daten kommen",
            sources: "Bei jeder Sammlung steht es, wo es bekannt ist. Was dort nicht bezeichnet ist, haben Sie angegeben, oder es wurde festgehalten, während Sie den Dienst nutzten.",
            automated: "Automatisierte Entscheidungen einschließlich Profiling",
            transfers: "Übermittlung in andere Länder",
            ask: "Fragen Sie das Unternehmen, von dem Sie diese Kopie haben; es muss Ihnen Auskunft geben.",
            rights: "Ihre Rechte",
            your_rights: "Sie können falsche Daten berichtigen und fehlende ergänzen lassen, Ihre Daten löschen lassen, ihre Verarbeitung einschränken lassen, ihr widersprechen und mitnehmen, was Sie angegeben haben (Art. 16 bis 21 DSGVO). Eine Einwilligung können Sie jederzeit widerrufen. Wenden Sie sich an das Unternehmen, von dem Sie diese Kopie haben.",
            complaint: "Beschwerde",
            your_complaint: "Sie können sich bei einer Datenschutzaufsichtsbehörde beschweren: dort, wo Sie leben, wo Sie arbeiten oder wo Sie einen Verstoß vermuten (Art. 77 DSGVO).",
        },
    };

    /// Finnish.
    pub const FI: Self = Self {
        language: "fi",
        title: "Henkilötietosi",
        made_on: "Tämä on henkilötietojesi jäljennös, joka on tehty",
        contents: "Tällä sivulla",
        found: "Mitä löytyi",
        nothing: "Henkilötietoja ei löytynyt.",
        caption: "Kokoelmat, joissa on tietoja sinusta",
        collection: "Kokoelma",
        holds: "Sisältö",
        records: "Tietueita",
        other_files: "Muita tiedostoja",
        searched: "Myös näistä etsittiin, mutta sinusta ei löytynyt mitään:",
        reading: "Näin luet tiedostoja",
        unpack: "Pura ensin koko arkisto; sen jälkeen tämän sivun linkit ja kuvat toimivat.",
        ndjson: "Tiedosto, jonka pääte on .ndjson, on pelkkää tekstiä. Sen voi avata millä tahansa tekstieditorilla, kuten Muistiolla, TextEditillä tai geditillä. Jokainen rivi on yksi tietue, joka koostuu nimistä ja arvoista. Taulukkolaskenta- ja tietokantaohjelmat voivat tuoda sen muodossa ”JSON Lines”. Tiedosto, jonka pääte on .csv, aukeaa taulukkolaskentaohjelmassa.",
        numbered: "Muut tiedostot aukeavat ohjelmilla, joita käytät kuviin, asiakirjoihin ja muihin vastaaviin. Arkistossa ne on numeroitu; niiden omat nimet ovat alempana.",
        machines: "Koneita varten on luettelo kaikista tiedostoista, niiden pituuksista ja SHA-256-tiivisteistä:",
        categories: "Tietojen ryhmät",
        purposes: "Mihin niitä käytetään",
        origin: "Mistä ne ovat peräisin",
        origins: [
            ("provided", "Annoit ne itse."),
            ("observed", "Ne on kirjattu, kun käytit palvelua."),
            ("derived", "Ne on laskettu muista tiedoista."),
            ("inferred", "Ne on päätelty muista tiedoista ja voivat olla vääriä."),
        ],
        shown_all: "Kaikki tietueet",
        shown_some: "Ensimmäiset tietueet. Tällä sivulla on vain osa; kaikki ovat tiedostoissa.",
        all_in: "Kaikki tietueet:",
        picture: "Kuva",
        facts: "Mitä sinun on hyvä tietää",
        made_by: "Tehty ohjelmalla",
        months: [
            "tammikuuta",
            "helmikuuta",
            "maaliskuuta",
            "huhtikuuta",
            "toukokuuta",
            "kesäkuuta",
            "heinäkuuta",
            "elokuuta",
            "syyskuuta",
            "lokakuuta",
            "marraskuuta",
            "joulukuuta",
        ],
        law: Law {
            controller: "Rekisterinpitäjä",
            purposes: "Mihin tietojasi käytetään",
            no_purposes: "Yritys ei ole ilmoittanut sitä yksittäisistä kokoelmista. Kysy yritykseltä, jolta sait tämän jäljennöksen; sen on kerrottava se sinulle.",
            categories: "Tietojesi ryhmät",
            no_categories: "Yhtään ei löytynyt.",
            recipients: "Kenelle tietojasi luovutetaan",
            retention: "Kuinka kauan tietojasi säilytetään",
            source: "Mistä tietosi ovat peräisin",
            sources: "Se sanotaan kunkin kokoelman kohdalla, jos se tiedetään. Muut tiedot olet antanut itse, tai ne on kirjattu, kun käytit palvelua.",
            automated: "Automaattinen päätöksenteko, myös profilointi",
            transfers: "Siirrot muihin maihin",
            ask: "Kysy yritykseltä, jolta sait tämän jäljennöksen; sen on kerrottava se sinulle.",
            rights: "Oikeutesi",
            your_rights: "Voit oikaista väärät tiedot ja täydentää puutteelliset, poistaa tietosi, rajoittaa niiden käsittelyä, vastustaa sitä ja siirtää antamasi tiedot muualle (tietosuoja-asetuksen 16–21 artikla). Antamasi suostumuksen voit perua milloin tahansa. Ota yhteyttä yritykseen, jolta sait tämän jäljennöksen.",
            complaint: "Valitus",
            your_complaint: "Voit tehdä valituksen tietosuojaviranomaiselle: siellä, missä asut, missä työskentelet tai missä epäilet, että lakia on rikottu (tietosuoja-asetuksen 77 artikla).",
        },
    };

    /// A moment as people say it.
    fn moment(&self, at: &DateTime<Utc>) -> String {
        use chrono::{Datelike as _, Timelike as _};
        let month = self.months[at.month0() as usize];
        let (day, year, hour, minute) = (at.day(), at.year(), at.hour(), at.minute());
        match self.language {
            "de" => format!("{day}. {month} {year}, {hour:02}:{minute:02} UTC"),
            "fi" => format!("{day}. {month} {year} klo {hour}.{minute:02} UTC"),
            _ => format!("{day} {month} {year}, {hour:02}:{minute:02} UTC"),
        }
    }

    /// An origin in words.
    pub fn origin_of<'a>(&self, origin: &'a str) -> &'a str {
        self.origins.iter().find(|(name, _)| *name == origin).map_or(origin, |(_, words)| words)
    }
}

impl TakeoutIndex<'_> {
    /// The page.
    pub fn page(&self) -> String {
        render(self)
    }

    fn found(&self) -> impl Iterator<Item = (usize, &Collection<'_>)> {
        self.collections.iter().enumerate().filter(|(_, collection)| !collection.is_empty())
    }

    fn not_found(&self) -> impl Iterator<Item = &Collection<'_>> {
        self.collections.iter().filter(|collection| collection.is_empty())
    }

    fn nothing_found(&self) -> bool {
        self.found().next().is_none()
    }

    fn all_found(&self) -> bool {
        self.not_found().next().is_none()
    }
}

impl Collection<'_> {
    fn is_empty(&self) -> bool {
        self.records == 0 && self.attachments.is_empty()
    }

    fn pictures(&self) -> impl Iterator<Item = &Attachment<'_>> {
        self.attachments.iter().filter(|file| file.is_picture()).take(PICTURES)
    }

    fn has_pictures(&self) -> bool {
        self.pictures().next().is_some()
    }
}

impl Table<'_> {
    fn is_all(&self, records: &u64) -> bool {
        self.rows.len() as u64 >= *records
    }
}

impl Attachment<'_> {
    /// Whether every browser shows it.
    fn is_picture(&self) -> bool {
        [".jpg", ".png", ".gif", ".webp"].iter().any(|ending| self.name.ends_with(ending))
    }

    /// The length as people say it.
    fn size(&self) -> String {
        let units = ["kB", "MB", "GB", "TB"];
        let mut size = self.bytes as f64;
        let mut name = "bytes";
        for unit in units {
            if size < 1000.0 {
                break;
            }
            size /= 1000.0;
            name = unit;
        }
        if name == "bytes" { format!("{} bytes", self.bytes) } else { format!("{size:.1} {name}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::{HOSTILE, check_page, text_of};
    use crate::time;

    fn sample() -> TakeoutIndex<'static> {
        static COLUMNS: std::sync::LazyLock<Vec<String>> =
            std::sync::LazyLock::new(|| vec!["id".to_owned(), "email".to_owned()]);
        static ROWS: std::sync::LazyLock<Vec<Vec<String>>> =
            std::sync::LazyLock::new(|| vec![vec!["1".to_owned(), "alice@example.com".to_owned()]]);
        TakeoutIndex {
            words: &Words::EN,
            created_at: time::sample(),
            generator: "Lethe 0.1.0",
            collections: vec![
                Collection {
                    name: "Customers",
                    description: "Who you are to the shop.",
                    categories: vec!["user.name", "user.contact.email"],
                    origin: "provided",
                    records: 2,
                    table: Some(Table { columns: &COLUMNS, rows: &ROWS }),
                    files: vec![File { name: "data/01-0001.ndjson", records: 2 }],
                    attachments: vec![Attachment {
                        name: "files/01-0001.jpg",
                        original_name: "portrait.jpg",
                        bytes: 183_201,
                    }],
                    ..Collection::default()
                },
                Collection {
                    name: "Newsletter",
                    description: "What you subscribed to.",
                    ..Collection::default()
                },
            ],
            facts: vec![Fact {
                title: "Your rights",
                text: "You may ask for correction or erasure,\nand complain.".to_owned(),
            }],
        }
    }

    #[test]
    fn the_index_is_sound() {
        let page = sample().page();

        check_page(&page);
        assert!(page.contains(r#"href="data/01-0001.ndjson""#));
        let text = text_of(&page);
        for words in [
            "1 May 2026, 12:00 UTC",
            "Customers",
            "portrait.jpg",
            "183.2 kB",
            "user.name",
            "Newsletter",
            "alice@example.com",
            "The first records.",
            "You gave it.",
        ] {
            assert!(text.contains(words), "{words} is missing from {text}");
        }
    }

    #[test]
    fn a_person_without_data_is_told_so() {
        let page = TakeoutIndex { collections: vec![], facts: vec![], ..sample() }.page();

        check_page(&page);
        assert!(text_of(&page).contains("No personal data was found"));
    }

    #[test]
    fn the_index_escapes_what_it_is_given() {
        let page = TakeoutIndex {
            words: &Words::DE,
            created_at: time::sample(),
            generator: HOSTILE,
            collections: vec![Collection {
                name: HOSTILE,
                description: HOSTILE,
                categories: vec![HOSTILE],
                origin: HOSTILE,
                purposes: vec![HOSTILE],
                records: 1,
                table: Some(Table { columns: &[HOSTILE.to_owned()], rows: &[vec![HOSTILE.to_owned()]] }),
                files: vec![File { name: HOSTILE, records: 1 }],
                attachments: vec![Attachment { name: HOSTILE, original_name: HOSTILE, bytes: 1 }],
            }],
            facts: vec![Fact { title: HOSTILE, text: HOSTILE.to_owned() }],
        }
        .page();

        check_page(&page);
        // Once more in the table, once more for the title and the link of each file.
        assert!(text_of(&page).matches(HOSTILE).count() >= 9);
    }

    #[test]
    fn pictures_are_shown_and_told_of_by_name() {
        let page = sample().page();

        assert!(page.contains(r#"<img src="files/01-0001.jpg" alt="Picture: portrait.jpg" loading="lazy">"#));
    }

    #[test]
    fn the_page_speaks_german_and_finnish() {
        for (words, moment) in
            [(&Words::DE, "1. Mai 2026, 12:00 UTC"), (&Words::FI, "1. toukokuuta 2026 klo 12.00 UTC")]
        {
            let page = TakeoutIndex { words, ..sample() }.page();

            check_page(&page);
            assert!(page.contains(&format!(r#"<html lang="{}">"#, words.language)));
            assert!(text_of(&page).contains(moment));
        }
    }

    #[test]
    fn sizes_are_said_as_people_say_them() {
        let size = |bytes| Attachment { name: "", original_name: "", bytes }.size();

        assert_eq!(size(0), "0 bytes");
        assert_eq!(size(999), "999 bytes");
        assert_eq!(size(1_000), "1.0 kB");
        assert_eq!(size(5_300_000_000), "5.3 GB");
    }
}
