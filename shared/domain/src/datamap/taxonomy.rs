//! The data categories that Fides ships.

/// Whether a key is one of the default categories, of the present taxonomy or another version of it.
pub(super) fn is_default(key: &str) -> bool {
    CATEGORIES.binary_search(&key).is_ok() || OTHER_VERSIONS.binary_search(&key).is_ok()
}

/// Every default category under `user` and `system`, sorted.
#[rustfmt::skip]
const CATEGORIES: [&str; 85] = [
    "system",
    "system.authentication",
    "system.operations",
    "user",
    "user.account",
    "user.account.settings",
    "user.account.username",
    "user.authorization",
    "user.authorization.biometric",
    "user.authorization.credentials",
    "user.authorization.password",
    "user.behavior",
    "user.behavior.browsing_history",
    "user.behavior.media_consumption",
    "user.behavior.purchase_history",
    "user.behavior.search_history",
    "user.biometric",
    "user.biometric.fingerprint",
    "user.biometric.health",
    "user.biometric.retinal",
    "user.biometric.voice",
    "user.childrens",
    "user.contact",
    "user.contact.address",
    "user.contact.address.city",
    "user.contact.address.country",
    "user.contact.address.postal_code",
    "user.contact.address.state",
    "user.contact.address.street",
    "user.contact.email",
    "user.contact.fax_number",
    "user.contact.organization",
    "user.contact.phone_number",
    "user.contact.url",
    "user.content",
    "user.content.private",
    "user.content.public",
    "user.content.self_image",
    "user.criminal_history",
    "user.demographic",
    "user.demographic.age_range",
    "user.demographic.date_of_birth",
    "user.demographic.gender",
    "user.demographic.language",
    "user.demographic.marital_status",
    "user.demographic.political_opinion",
    "user.demographic.profile",
    "user.demographic.race_ethnicity",
    "user.demographic.religious_belief",
    "user.demographic.sexual_orientation",
    "user.device",
    "user.device.cookie",
    "user.device.cookie_id",
    "user.device.device_id",
    "user.device.ip_address",
    "user.financial",
    "user.financial.bank_account",
    "user.financial.credit_card",
    "user.government_id",
    "user.government_id.birth_certificate",
    "user.government_id.drivers_license_number",
    "user.government_id.immigration",
    "user.government_id.national_identification_number",
    "user.government_id.passport_number",
    "user.government_id.vehicle_registration",
    "user.health_and_medical",
    "user.health_and_medical.genetic",
    "user.health_and_medical.insurance_beneficiary_id",
    "user.health_and_medical.record_id",
    "user.job_title",
    "user.location",
    "user.location.imprecise",
    "user.location.precise",
    "user.name",
    "user.name.first",
    "user.name.last",
    "user.payment",
    "user.privacy_preferences",
    "user.sensor",
    "user.social",
    "user.telemetry",
    "user.unique_id",
    "user.unique_id.pseudonymous",
    "user.user_sensor",
    "user.workplace",
];

/// What other versions of the taxonomy call some of them, sorted. Maps in use still name these keys.
#[rustfmt::skip]
const OTHER_VERSIONS: [&str; 38] = [
    "user.authorization.biometrics",
    "user.biometrics",
    "user.biometrics.fingerprint",
    "user.biometrics.retinal",
    "user.biometrics.voice",
    "user.children",
    "user.children.children_under_thirteen",
    "user.children.thirteen_to_sixteen",
    "user.contact.address.mailing_address",
    "user.contact.social_url",
    "user.demographic.citizenship_or_immigration_status",
    "user.demographic.philosophical_belief",
    "user.demographic.protected_classifications",
    "user.demographic.union_membership",
    "user.device.sensor",
    "user.device.telemetry",
    "user.health",
    "user.health.baby_formula",
    "user.health.condition",
    "user.health.genetic",
    "user.health.insurance_beneficiary_id",
    "user.health.maternity_clothing",
    "user.health.medical_diagnosis",
    "user.health.medications",
    "user.health.prescriptions",
    "user.health.record_id",
    "user.health.reproductive_or_sexual",
    "user.health.social_psychological_behavioral",
    "user.health.symptons",
    "user.health.treatment",
    "user.location.coarse",
    "user.professional_information",
    "user.professional_information.job_title",
    "user.professional_information.workplace",
    "user.settings",
    "user.social_activity",
    "user.unique_id.deterministic",
    "user.unique_id.probablistic",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eighty_five_keys_are_the_default_and_older_ones_stay_known() {
        assert_eq!(CATEGORIES.len(), 85);
        assert!(CATEGORIES.iter().all(|key| ["user", "system"].contains(&key.split('.').next().unwrap())));
        assert!(is_default("user.contact.email"));
        assert!(is_default("user.health.condition"));
        assert!(!is_default("user.contact.pigeon"));
    }

    #[test]
    fn every_key_stands_in_one_sorted_list_and_below_a_key_that_exists() {
        assert!(CATEGORIES.is_sorted() && OTHER_VERSIONS.is_sorted());
        assert!(OTHER_VERSIONS.iter().all(|key| !CATEGORIES.contains(key)));
        for key in CATEGORIES.iter().chain(&OTHER_VERSIONS) {
            assert!(key.rsplit_once('.').is_none_or(|(parent, _)| is_default(parent)), "{key}");
        }
    }
}
