//! What strangers may send: nothing panics, and every bound holds.

use proptest::prelude::*;

use super::*;

#[test]
fn everything_is_bounded() {
    let long = "я".repeat(3000);
    let got = came(&format!("https://company.ru/?utm_source={long}&gclid={long}"), "");
    assert_eq!((got.touchpoint.utm.source.chars().count(), got.click_ids.len()), (1024, 0));
    let id = "x".repeat(512);
    assert_eq!(came(&format!("https://company.ru/?gclid={id}"), "").click_ids["gclid"], id);
    assert!(came(&format!("https://company.ru/?gclid={id}x"), "").click_ids.is_empty());
    let got = came(&format!("https://company.ru/{long}"), &format!("https://a.example/{}%D0", "x".repeat(9000)));
    let page = got.touchpoint.landing_page.unwrap();
    assert!((2046..=2048).contains(&page.len()) && page.ends_with("%D1%8F"), "{page}");
    assert_eq!(got.touchpoint.referrer.unwrap().len(), 2048);
    let many: String = (0..100).map(|number| format!("&utm_{number}=x")).collect();
    let page = came(&format!("https://company.ru/?a=b{many}"), "").touchpoint.landing_page.unwrap();
    assert_eq!(page.matches("=x").count(), 16);
    let values = came(&format!("https://company.ru/?utm_a={0}&utm_b={0}&utm_c=1", "x".repeat(1024)), "");
    let page = values.touchpoint.landing_page.unwrap();
    assert!(page.len() <= 2048 && page.ends_with("&utm_c=1"), "{page}");
    assert_eq!(came("https://company.ru/", &format!("https://{}ru/", "a.".repeat(150))).touchpoint.referrer, None);
}

proptest! {
    #[test]
    fn no_text_panics_and_every_bound_holds(
        page in "(https?://|android-app://)?\\PC{0,10}/?(\\?|#)?(&?(utm_[a-z]{1,8}|gclid|openstat|erid|fbclid)=(%[0-9a-fA-F]{2}|\\PC){0,9}){0,4}",
        referrer in prop::option::of("(https?://|android-app://)?((www|m)\\.)?(google|yandex|vk|\\PC{1,4})\\.(ru|com|co\\.uk)?(:8?)?[/?#]\\PC{0,9}"),
        origin in "(https?://)?\\PC{0,9}",
    ) {
        let got = came(&page, referrer.as_deref().unwrap_or_default());
        let clean = |text: &str, max: usize| text.chars().count() <= max && !text.contains(char::is_control);
        let Touchpoint { utm, landing_page, referrer: from, .. } = &got.touchpoint;
        for value in [&utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content] {
            prop_assert!(clean(value, 1024));
        }
        prop_assert!(landing_page.iter().chain(from).all(|page| clean(page, 2048) && page.is_ascii()));
        prop_assert!(landing_page.iter().all(|page| page.starts_with("http") && !page.contains('#')));
        prop_assert!(from.iter().all(|page| !page.contains(['?', '#'])));
        let has_user = |page: &String| url::Url::parse(page).unwrap().username() != "";
        prop_assert!(!landing_page.iter().chain(from).any(has_user));
        prop_assert!(got.click_ids.iter().all(|(key, id)| clean(key, 32) && clean(id, 512)));
        prop_assert_eq!(got.is_direct, got.touchpoint.is_direct());
        let _unused = COMPANY.explain(&page, referrer.as_deref(), &[origin]);
    }

    #[test]
    fn what_is_kept_of_a_page_says_the_same_again(
        source in "[a-zа-я0-9 .&=+%/]{1,12}", medium in "[a-z]{0,4}", campaign in "[А-Яа-я +_-]{0,8}",
    ) {
        let encoded = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let page = format!(
            "https://company.ru/?utm_source={}&utm_medium={medium}&utm_campaign={}", encoded(&source), encoded(&campaign)
        );
        let first = came(&page, "").touchpoint;
        let again = came(first.landing_page.as_deref().unwrap(), "").touchpoint;
        prop_assert_eq!(again, first);
    }
}
