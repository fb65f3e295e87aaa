<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="languages.caption_all">
    <source>Mean Jaccard of firing on the same test items, over all {count:,} features; colour from {low} (dark) to {high} (light).</source>
    <translation>같은 테스트 아이템에서 발화하는 정도(평균 자카드), 전체 피처 {count:,}개 기준. 색은 {low}(어두움)부터 {high}(밝음)까지입니다.</translation>
  </message>
  <message id="languages.caption_brushed">
    <source>Mean Jaccard of firing on the same test items, over {count:,} brushed features; colour from {low} (dark) to {high} (light).</source>
    <translation>같은 테스트 아이템에서 발화하는 정도(평균 자카드), 선택한 피처 {count:,}개 기준. 색은 {low}(어두움)부터 {high}(밝음)까지입니다.</translation>
  </message>
  <message id="languages.caption_features">
    <source>{count:,} features by {measure}.</source>
    <translation>피처 {count:,}개의 {measure}.</translation>
  </message>
  <message id="languages.caption_first">
    <source>The first {count:,} of {asked:,} features by {measure}.</source>
    <translation>피처 {asked:,}개 중 처음 {count:,}개의 {measure}.</translation>
  </message>
  <message id="languages.colour.consistency">
    <source>Colour: mean Jaccard from 0 to 1. ● shared with pictures, × never fires.</source>
    <translation>색: 평균 자카드 0–1. ● 그림과 공유, × 발화 없음.</translation>
  </message>
  <message id="languages.colour.energy">
    <source>Colour: share of the row's largest. ● shared with pictures, × never fires.</source>
    <translation>색: 행의 최댓값에 대한 비율. ● 그림과 공유, × 발화 없음.</translation>
  </message>
  <message id="languages.colour.rate">
    <source>Colour: share of the row's largest. ● shared with pictures, × never fires.</source>
    <translation>색: 행의 최댓값에 대한 비율. ● 그림과 공유, × 발화 없음.</translation>
  </message>
  <message id="languages.feature">
    <source>Feature {feature}, {title}, {name}: firing rate {rate}, energy {energy}, consistency with other columns {consistency}.</source>
    <translation>피처 {feature}, {title}, {name}: 발화율 {rate}, 에너지 {energy}, 다른 열과의 일관성 {consistency}.</translation>
  </message>
  <message id="languages.measure">
    <source>What the cells of features show</source>
    <translation>피처 칸에 표시할 값</translation>
  </message>
  <message id="languages.measure.consistency">
    <source>consistency</source>
    <translation>일관성</translation>
  </message>
  <message id="languages.measure.energy">
    <source>energy</source>
    <translation>에너지</translation>
  </message>
  <message id="languages.measure.rate">
    <source>firing rate</source>
    <translation>발화율</translation>
  </message>
  <message id="languages.no_feature">
    <source>No feature fires in both.</source>
    <translation>두 언어 모두에서 발화하는 피처가 없습니다.</translation>
  </message>
  <message id="languages.none">
    <source>This atlas has no captions in any language.</source>
    <translation>이 아틀라스에는 어느 언어의 캡션도 없습니다.</translation>
  </message>
  <message id="languages.nothing">
    <source>Brush features on a map or in the table to see in which languages they fire.</source>
    <translation>지도나 표에서 피처를 선택하면 어느 언어에서 발화하는지 볼 수 있습니다.</translation>
  </message>
  <message id="languages.over">
    <source>Features that languages are compared over</source>
    <translation>언어를 비교하는 데 쓸 피처</translation>
  </message>
  <message id="languages.over.all">
    <source>over all features</source>
    <translation>모든 피처</translation>
  </message>
  <message id="languages.over.brushed">
    <source>over brushed features</source>
    <translation>선택한 피처</translation>
  </message>
  <message id="languages.own">
    <source>{name}: {fires:,} features fire here. Enter brushes them.</source>
    <translation>{name}: 피처 {fires:,}개가 발화합니다. Enter 키로 선택합니다.</translation>
  </message>
  <message id="languages.pair">
    <source>{one} and {other}: mean Jaccard {value}, 95 % interval {low} to {high}, over the {compared:,} features that fire in either. {consistent:,} of them fire on the same items by more than chance (exact p ≤ 0.05, lower bound ≥ 0.1). {fires:,} features fire in both; Enter brushes them.</source>
    <translation>{one}, {other}: 어느 한쪽에서라도 발화하는 피처 {compared:,}개의 평균 자카드 {value}, 95% 구간 {low}–{high}. 그중 {consistent:,}개는 같은 아이템에서 우연보다 자주 발화합니다(정확 p ≤ 0.05, 하한 ≥ 0.1). 양쪽 모두에서 발화하는 피처는 {fires:,}개이며 Enter 키로 선택합니다.</translation>
  </message>
  <message id="languages.pictures">
    <source>Pictures</source>
    <translation>그림</translation>
  </message>
  <message id="languages.pictures_short">
    <source>pic.</source>
    <translation>그림</translation>
  </message>
  <message id="languages.show">
    <source>What the matrix compares languages with</source>
    <translation>언어를 비교할 대상</translation>
  </message>
  <message id="languages.show.features">
    <source>Languages × features</source>
    <translation>언어 × 피처</translation>
  </message>
  <message id="languages.show.languages">
    <source>Languages × languages</source>
    <translation>언어 × 언어</translation>
  </message>
  <message id="languages.with_pictures">
    <source>With pictures: Jaccard {value}, 95 % interval {low} to {high}; exact p {p}, lower bound {effect}. Enter opens its page.</source>
    <translation>그림과 함께: 자카드 {value}, 95% 구간 {low}–{high}, 정확 p {p}, 하한 {effect}. Enter 키로 페이지를 엽니다.</translation>
  </message>
  <message id="panel.languages">
    <source>Languages</source>
    <translation>언어</translation>
  </message>
  <message id="undo.matrix">
    <source>Change the matrix of languages</source>
    <translation>언어 행렬 변경</translation>
  </message>
</context>
</TS>
