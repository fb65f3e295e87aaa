<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="ko_KR" sourcelanguage="en_US">
<context><name></name>
  <message id="panel.samples">
    <source>Samples</source>
    <translation>샘플</translation>
  </message>
  <message id="samples.activation">
    <source>activation</source>
    <translation>활성값</translation>
  </message>
  <message id="samples.activation_of">
    <source>{title}: activation</source>
    <translation>{title}: 활성값</translation>
  </message>
  <message id="samples.all_fire">
    <source>{count:,} items on which all of {features:,} brushed features fire</source>
    <translation>선택한 피처 {features:,}개가 모두 발화하는 아이템 {count:,}개</translation>
  </message>
  <message id="samples.any_fire">
    <source>{count:,} items on which any of {features:,} brushed features fires</source>
    <translation>선택한 피처 {features:,}개 중 하나라도 발화하는 아이템 {count:,}개</translation>
  </message>
  <message id="samples.brush_features">
    <source>Brush these features</source>
    <translation>이 피처 선택</translation>
  </message>
  <message id="samples.brush_items">
    <source>Brush these items</source>
    <translation>이 아이템 선택</translation>
  </message>
  <message id="samples.brushed">
    <source>{count:,} brushed items</source>
    <translation>선택한 아이템 {count:,}개</translation>
  </message>
  <message id="samples.card_value">
    <source>{column}: {value}</source>
    <translation>{column}: {value}</translation>
  </message>
  <message id="samples.colour_by">
    <source>Colour by</source>
    <translation>색 기준</translation>
  </message>
  <message id="samples.distinct">
    <source>Features that fire on them more: share of these / of the rest</source>
    <translation>더 자주 발화하는 피처: 이 아이템의 비율 / 나머지의 비율</translation>
  </message>
  <message id="samples.distinct_line">
    <source>{inside:.0%} / {outside:.1%}   {title}</source>
    <translation>{inside:.0%} / {outside:.1%}   {title}</translation>
  </message>
  <message id="samples.entry">
    <source>{name}: {count:,} items</source>
    <translation>{name}: 아이템 {count:,}개</translation>
  </message>
  <message id="samples.every">
    <source>fire together</source>
    <translation>모두 발화</translation>
  </message>
  <message id="samples.every_tip">
    <source>Show the items on which all brushed features fire, not any of them</source>
    <translation>선택한 피처 중 하나가 아니라 모두 발화하는 아이템을 표시합니다</translation>
  </message>
  <message id="samples.legend">
    <source>Legend: choosing an entry brushes its items</source>
    <translation>범례: 아이템을 고르면 해당하는 아이템을 모두 선택합니다</translation>
  </message>
  <message id="samples.map">
    <source>Map of the items</source>
    <translation>아이템 지도</translation>
  </message>
  <message id="samples.no_distinct">
    <source>No feature fires on them more than on the rest.</source>
    <translation>나머지보다 이 아이템에서 더 자주 발화하는 피처가 없습니다.</translation>
  </message>
  <message id="samples.no_feature">
    <source>Open a feature's page to colour items by its activation.</source>
    <translation>피처 페이지를 열면 그 활성값으로 아이템을 칠합니다.</translation>
  </message>
  <message id="samples.no_map">
    <source>This atlas has no map of its items yet.

Make one with: mmfeat map ATLAS</source>
    <translation>이 아틀라스에는 아직 아이템 지도가 없습니다.

다음 명령으로 만드십시오: mmfeat map ATLAS</translation>
  </message>
  <message id="samples.nothing">
    <source>Brush items here, or features elsewhere, to link them.</source>
    <translation>여기서 아이템을 선택하거나 다른 곳에서 피처를 선택하면 서로 연결됩니다.</translation>
  </message>
  <message id="samples.other">
    <source>other ({count:,} values)</source>
    <translation>기타 (값 {count:,}개)</translation>
  </message>
  <message id="samples.sampled">
    <source>From {inside:,} of these and {outside:,} of the rest, drawn at random.</source>
    <translation>무작위로 뽑은 이 아이템 {inside:,}개와 나머지 {outside:,}개를 기준으로 합니다.</translation>
  </message>
  <message id="samples.silent">
    <source>does not fire</source>
    <translation>발화 없음</translation>
  </message>
  <message id="samples.split">
    <source>split</source>
    <translation>분할</translation>
  </message>
  <message id="samples.too_many">
    <source>{file} holds too many activations of {count:,} features to find their items; brush fewer features.</source>
    <translation>{file}에 피처 {count:,}개의 활성값이 너무 많아 아이템을 찾을 수 없습니다. 피처를 더 적게 선택하십시오.</translation>
  </message>
  <message id="samples.distinct_spoken">
    <source>{title}: fires on {inside:.0%} of these and {outside:.1%} of the rest</source>
    <translation>{title}: 이 아이템의 {inside:.0%}, 나머지의 {outside:.1%}에서 발화</translation>
  </message>
  <message id="samples.unset">
    <source>none</source>
    <translation>없음</translation>
  </message>
  <message id="undo.brush">
    <source>Brush</source>
    <translation>아이템과 피처 선택</translation>
  </message>
</context>
</TS>
